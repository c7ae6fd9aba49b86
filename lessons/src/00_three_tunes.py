# %% [markdown]
# # Three tunes
#
# You have a small language model that has read help pages and customers' letters, and can only go on with a text. You
# want it to read a customer's message and answer with a record: what the customer wants, how urgent it is, which
# product, which order, what to do next.
#
# There are three common ways to teach it:
#
# * **full** fine-tuning: every weight of the model moves;
# * **LoRA**: the model is frozen, and two thin matrices beside each of its layers learn instead;
# * **QLoRA**: the same, but the frozen model is squeezed to four bits a weight.
#
# **The question of this lesson: what does each of them cost, and what does each of them learn?**
# All three run here, for real, on your machine. You need no GPU, no account and no network.

# %%
import finetune_lab as lab

lab.doctor()

# %% [markdown]
# ## Predict
#
# Write your guesses down before you go on. There is no wrong guess, but there is a missed chance to be surprised.
#
# 1. Full tuning trains all of the weights. What share of them does LoRA of rank 8 train: a half, a tenth, a hundredth?
# 2. Which of the three ends with the lowest loss on messages that it has not seen?
# 3. QLoRA keeps the frozen weights in four bits, not thirty-two. How much worse are its answers?
# 4. Which of the three leaves the smallest file behind?

# %%
my_guess = {
    "share of the weights that LoRA trains": "?",
    "lowest loss": "?",
    "QLoRA's answers": "?",
    "smallest file": "?",
}

# %% [markdown]
# ## Run
#
# The three tunes see the same messages in the same order for the same number of steps. Only the learning rate differs:
# each method gets the one that suits it, since thin matrices that start at zero can take much larger steps.
# This takes about a minute on two cores.

# %%
race = lab.compare([lab.Full(), lab.LoRA(r=8), lab.QLoRA(r=8, bits=4)], data="tickets")
race

# %% [markdown]
# Read one row from left to right: how many weights moved, the loss before and after, the score before and after, the
# speed, the time, and the size of what is left on your disk. Which of your four guesses held?

# %%
lab.plot(race)

# %% [markdown]
# Two things to look for in the curves:
#
# * All three begin at the same loss. An adapter starts with a matrix of zeros, so that before the first step the tuned
#   model *is* the base model (QLoRA's differs a little: its base has been rounded to four bits).
# * The slope at the start tells how large the steps are, the height at the end how far the method got in this time.
#   It does not say how far it would get in ten times as many steps.

# %% [markdown]
# ## Ask
#
# A loss is an average. Put one message to the base and to each of the three, and read their answers. The message is
# dressed as those that they were trained on: a language model goes on with a text, and this one is to end in a record.

# %%
message = "Hello, the desk lamp of order A-48213 came with a broken switch. Please send me a new one by Friday!"
prompt = f"Message: {message}\nRecord: "
print("base:", race.runs[0].generate(prompt, compare_base=True)["base"])
for run in race.runs:
    print(f"{run.method.name}:", run.generate(prompt))

# %% [markdown]
# Check the answers against the message, field by field. Which field is right in all of them, and which is the hardest?
# Then change the message and run the cell again.

# %% [markdown]
# ## Change one thing
#
# The rank is the width of the thin matrices. Make it four times as wide, and **leave everything else as it is**. That
# takes some care: what the matrices add is multiplied by `lora_alpha / r`, so `lora_alpha` has to grow along with the
# rank (16 / 8 before, 64 / 32 now), or you would change the strength of the adapter as well as its width.
#
# Predict first: does the loss move by a lot or by a little? Does the time? Does the size of the file?

# %%
wider = lab.tune(lab.LoRA(r=32, lora_alpha=64), data="tickets")
race.runs[1], wider

# %% [markdown]
# If you changed two things at once you would not know which of them did it. What is *your* next single change: the
# bits, the learning rate, the number of steps? `lab.tune` takes each of them by name, as in
# `lab.tune(lab.LoRA(r=8), data="tickets", max_steps=120)`.
