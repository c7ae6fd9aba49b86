"""Charts of runs and comparisons. They only draw what they are told."""
