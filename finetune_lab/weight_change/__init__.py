"""What a tune did to the weights: W_tuned - W_base by layer, its singular values, what a lower rank keeps of it."""
