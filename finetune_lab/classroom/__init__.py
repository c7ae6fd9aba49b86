"""A class: submissions are written, read, graded by the instructor's own bank, and checked. No torch.

Nothing that a student sent is executed, unpickled or unpacked to disk.
"""
