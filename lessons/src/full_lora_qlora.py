# %% [markdown] tags=["S1"]
# # Full fine-tuning, LoRA and QLoRA in 30 minutes
#
# You have a language model that can only go on with a text. You want it to read a customer's message and answer with
# a record that your help desk's software understands. So you tune it on examples. **Do you let the whole model
# change, or do you freeze it and train something small that steers it?** Everything in this lesson comes back to that
# choice.
#
# You will run all three answers for real: full fine-tuning, LoRA, and QLoRA. The model is small (5.9 million weights)
# and came with the course, so that each run takes seconds on two processor cores: no GPU, no account, no download.
# What you measure here is small too. What you learn to predict from it, you check on models a thousand times as
# large.
#
# Each section asks a question, lets you predict, runs an experiment, and ends with a check. Predict before you run: a
# guess that was wrong teaches more than a number that was read.

# %%
import sys

if "google.colab" in sys.modules:
    print("Installing the course. Nothing that Colab has is upgraded.")
    # %pip install -q finetune-lab
    # %pip uninstall -q -y torchao
import finetune_lab as lab

lab.doctor()

# %% tags=["parameters"]
speed = {"max_steps": 60}  # settings of every tune below
ranks = (1, 64)

# %% [markdown] tags=["S1", "S2"]
# ## 1. The question
#
# This is a customer's message, and what the base makes of it: it has read help pages, and goes on in their style. It
# has never been told what a record is good for.

# %% tags=["S1"]
message = "Message: My parcel K-20418 should have been here on Monday and it is still not. Please hurry!\nRecord: "
library = lab.Adapters()
print(library.generate(message))

# %% [markdown] tags=["S2"]
# **Full fine-tuning** moves the base's own weights. **Parameter-efficient fine-tuning** (PEFT) freezes them and
# trains an *adapter*: a small set of extra weights beside the frozen ones. **LoRA** and **QLoRA** are the two adapter
# methods that are used most. Three adapters came with the course, each trained for one customer of the same help
# desk. Look at what they make of the same message, with the same base under them:

# %% tags=["S2", "S6"]
library.try_prompt(message)

# %% [markdown]
# **Check.** The questions are graded as you answer them, and your answers are kept.

# %%
lab.Quiz("lesson", questions=["main-question", "which-are-adapters"])

# %% [markdown] tags=["S3"]
# ## 2. Full fine-tuning: every weight may move
#
# Training computes a *gradient* for each weight that moves: which way, and how strongly. The usual optimizer, AdamW,
# keeps two more numbers for each: a running mean of its gradients and of their squares. **Predict**: the base's
# weights take 23 MB in 32-bit numbers. How much memory do you expect a step of full fine-tuning to take at its peak:
# as much, twice, four times, more?

# %% tags=["S3"]
full = lab.tune(lab.Full(), data="tickets", **speed)
lab.plot_memory(full)

# %% [markdown]
# **Read** the plot from the left: weights, gradients, and an optimizer that is twice as large as either. Then the
# part that surprises most people: activations, the intermediate results that the way back through the network needs.
# The hatched bars were *predicted* before the run, from the shape of the model alone. One step from the inside:

# %% tags=["S3"]
lab.plot_step(full)

# %% [markdown] tags=["S3", "S4"]
# Four numbers a weight, before a single activation: for a model of 7 billion weights in 32 bits that is 112 GB. That
# is the price in memory. There are two more: a full copy of the model for each thing you tune it for, and everything
# that has to be tested again because everything has moved. It buys the most freedom a tune can have. That is worth
# its price when you have much good data, a domain that stays as it is, the machines, and a reason to change the model
# deeply. For one workflow of one application it is seldom where to begin.
#
# **Change one thing.** Would a longer batch or a longer text cost more memory, or a larger model? Ask for a plan;
# nothing is run, so try sizes that you could never train.

# %% tags=["S3"]
lab.plan("llama-3.1-8b", lab.Full(), batch_size=1, max_length=1024, device="H100")

# %%
lab.Quiz("lesson", questions=["full-extra-memory", "adam-bytes", "when-full"])

# %% [markdown] tags=["S2", "S5"]
# ## 3. PEFT: freeze the base, train an adapter
#
# **Predict**, before you run: which part of the memory will shrink by the most bytes when only an adapter trains? And
# when you take the adapter off again: will the base be *nearly* as it was, or *exactly*?

# %%
lab.Quiz("lesson", questions=["predict-component"])

# %% tags=["S2", "S5"]
lora = lab.tune(lab.LoRA(r=8), data="tickets", **speed)
lab.plot_memory(full, lora)

# %% [markdown] tags=["S5"]
# **Read**: gradients and optimizer are nearly gone, since only the adapter's 4 % of the weights have any. The frozen
# base is still there, whole, in memory: an adapter does not work without it. Now the claim that adapters are easy to
# roll back. The base's answers are compared before, while and after an adapter is attached, to the last bit:

# %% tags=["S5"]
lab.prove_rollback(lora)

# %% [markdown] tags=["S5"]
# A proof that could not fail would prove nothing. The same test after the full tune:

# %% tags=["S5"]
lab.prove_rollback(full)

# %%
lab.Quiz("lesson", questions=["peft-in-memory", "peft-benefits", "rollback-how", "run-percent"])

# %% [markdown] tags=["S7"]
# ## 4. LoRA by hand
#
# LoRA leaves the frozen matrix $W$ in place and adds a product of two thin matrices beside it:
#
# $$y = W x + \frac{\alpha}{r}\, B A x$$
#
# $A$ has $r$ rows, $B$ has $r$ columns, and $r$, the *rank*, is small. $B$ starts at zero. **Predict**: what does the
# layer answer before the first step?

# %% tags=["S7"]
import torch

torch.manual_seed(0)
W = torch.randn(704, 256) / 16  # frozen: no gradient is asked for
A, B = torch.randn(8, 256) / 16, torch.zeros(704, 8)
alpha, r = 16, 8
x = torch.randn(32, 256)
y = x @ W.T + alpha / r * (x @ A.T) @ B.T
torch.equal(y, x @ W.T)

# %% [markdown] tags=["S7"]
# Now let $A$ and $B$ learn a change that really is of low rank. This is a training loop, and all of it:

# %% tags=["S7"]
wanted = x @ (W + torch.randn(704, 4) @ torch.randn(4, 256) / 64).T
A.requires_grad_(), B.requires_grad_()
optimizer = torch.optim.AdamW([A, B], lr=0.02)
for _ in range(200):
    y = x @ W.T + alpha / r * (x @ A.T) @ B.T
    loss = (y - wanted).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(f"loss {loss.item():.6f}; numbers trained: {A.numel() + B.numel():,} beside {W.numel():,} frozen ones")

# %% [markdown] tags=["S7"]
# PEFT, the library that tunes adapters in earnest, computes the same. Give its layer your $W$, $A$ and $B$, and
# compare:

# %% tags=["S7"]
from peft import LoraConfig, get_peft_model

layer = torch.nn.Linear(256, 704, bias=False)
model = get_peft_model(torch.nn.Sequential(layer), LoraConfig(r=r, lora_alpha=alpha, target_modules=["0"]))
by_peft = model.base_model.model[0]
by_peft.base_layer.weight.data = W
by_peft.lora_A["default"].weight.data, by_peft.lora_B["default"].weight.data = A.data, B.data
(model(x) - (x @ W.T + alpha / r * (x @ A.T) @ B.T)).abs().max().item()

# %% [markdown]
# **Change one thing.** Set `alpha` to 32, or let `wanted` differ by a change of rank 12, and run the two cells again.
# Which of the two can LoRA of rank 8 follow?

# %% [markdown] tags=["solution"]
# **What happens.** `alpha` only scales the update: with 32 the steps are twice as large, and the loss falls as far. A
# change of rank 12 can't be followed: eight directions are learned, and the loss stops at what the other four hold.

# %%
lab.Quiz("lesson", questions=["lora-forward", "lora-start", "lora-count", "lora-scale", "run-scale"])

# %% [markdown] tags=["S8"]
# ## 5. Rank: how small may the change be?
#
# LoRA bets that the useful change of a large matrix lies in few directions. You can look: a full tune is free to
# change everything, so take its change apart and see how many directions it used. **Predict**: of 256 possible ones,
# how many hold nine tenths of the change?

# %% tags=["S8"]
change = lab.spectrum(full)
lab.plot(change, lab.spectrum(lora))

# %% [markdown] tags=["S8"]
# **Read** the line of the full tune: how fast does it reach 90 %? But energy is not use. Cut the full tune's change
# down to a few directions, and judge what is left of it by its loss:

# %% tags=["S8"]
lab.losses_by_rank(full)

# %% [markdown] tags=["S8"]
# The other question is what a rank *buys* when LoRA is trained with it. You have a run of rank 8. Two more, which
# differ from it in their rank alone:

# %% tags=["S8"]
by_rank = lab.compare([lab.LoRA(r=r, lora_alpha=2 * r) for r in ranks], data="tickets", **speed)
by_rank

# %% tags=["S8"]
lab.plot(lora, by_rank)

# %% [markdown] tags=["S8"]
# **Read**: how much does the loss gain from rank 1 to 8, and from 8 to 64? What does the artifact cost for it? The
# LoRA paper saw the same plateau on GPT-3: on WikiSQL 73.4, 73.8 and 73.5 points with ranks 1, 8 and 64 (Hu et al.,
# arXiv 2106.09685, table 6, query and value matrices).

# %%
lab.Quiz("lesson", questions=["why-low-rank", "lora-share", "rank-myth"])

# %% [markdown] tags=["S9"]
# ## 6. QLoRA: squeeze the base, train the adapter
#
# In a LoRA run the frozen base is the largest thing that never changes. QLoRA stores it in four bits a weight. How
# can 16 values stand for millions of different weights? By hand: 64 weights make a block; the largest of them is kept
# as a scale, and each weight becomes the number of the nearest of 16 levels.

# %% tags=["S9"]
import bitsandbytes.functional as bnb

weights = torch.randn(64) * 0.02
levels = bnb.get_4bit_type("nf4", device="cpu")
scale = weights.abs().max()
codes = (weights / scale - levels[:, None]).abs().argmin(0)
packed, state = bnb.quantize_4bit(weights, quant_type="nf4")
print(f"codes: {codes[:8].tolist()} ...; bits a weight: {(64 * 4 + 32) / 64}")
torch.allclose(levels[codes] * scale, bnb.dequantize_4bit(packed, state).flatten())

# %% [markdown] tags=["S9"]
# The levels of NF4 are not evenly spaced: they lie where the weights of a trained network lie, many near zero, few
# far out. **Predict** which of these codes moves real weights the least, and what eight bits buy.

# %% tags=["S9"]
lab.compare_codes("lab-base")

# %% [markdown] tags=["S9", "S10"]
# The arithmetic is not done in four bits. For each product the block is unpacked to its numbers again, and the
# adapter trains in full precision beside it. That unpacking is work. **Predict**: will QLoRA process more or fewer
# tokens a second than LoRA on this machine?

# %%
lab.Quiz("lesson", questions=["predict-speed"])

# %% tags=["S9", "S10"]
qlora = lab.tune(lab.QLoRA(r=8, bits=4), data="tickets", **speed)
lab.plot_memory(lora, qlora)

# %% [markdown] tags=["S9", "S10"]
# Here, the base is 23 MB and activations rule; four bits save little. Now a model whose base is what fills the card.
# The same three methods, 8 billion weights:

# %% tags=["S10"]
shape = {"batch_size": 1, "max_length": 512, "device": "T4"}
methods = lab.Full(), lab.LoRA(r=8), lab.QLoRA(r=8, bits=4)
lab.plot_memory(*[lab.plan("qwen3-8b", method, **shape) for method in methods])

# %% [markdown] tags=["S10"]
# **Read** the line of the device's limit. That is what QLoRA is for: the step from several large GPUs to one that you
# can get. Its price is more software between you and the numbers. It depends on versions, on kernels and on the kind
# of GPU, and `lab.doctor()` at the top tried each of them on your machine for that reason.

# %%
squeezed = ["qlora-where-bits", "qlora-arithmetic", "constants", "base-size", "run-base-ratio", "qlora-price"]
lab.Quiz("lesson", questions=squeezed)

# %% [markdown] tags=["S10", "S11"]
# ## 7. The race
#
# You have run each method alone, and alike: same data, same order, same seed, same number of steps, each at the
# learning rate that suits it. So your three runs are a race already. **Predict** the winner of each column, then lay
# them side by side:

# %% tags=["S10", "S11"]
race = lab.compare([full, lora, qlora])
race

# %% tags=["S11"]
lab.plot(race)

# %% [markdown] tags=["S10", "S11"]
# **Read** row by row: what did each method move, what did it cost, what did it leave on the disk, and what did it
# learn? At this size LoRA is hardly faster than full tuning, although it computes less: the matrices are small, and
# its gain is in memory and on disk.
#
# **Change one thing.** The panel is your instrument: choose, look at the forecast, press **Run**, stop, change one
# thing, run again, and lay the runs over each other; **Race all three** does so in one go. Try a shared learning rate
# (the switch says why it is unfair), rank 1, or eight bits.

# %% tags=["S11"]
bench = lab.Bench(data="tickets", **speed)
bench

# %%
lab.Quiz("lesson", questions=["run-gradient-bytes", "run-peak-error", "single-gpu"])

# %% [markdown] tags=["S6"]
# ## 8. One base, many adapters
#
# Your LoRA run left a file of about a megabyte. The base can stay in memory while adapters come and go. Add yours to
# the three that came with the course:

# %% tags=["S6"]
library.add(lora, "mine", replace=True)
library

# %% [markdown] tags=["S6"]
# **Predict**: can one batch hold three messages that are answered by three different adapters? And what does the disk
# say when a hundred customers have an adapter each, or a full copy each?

# %% tags=["S6"]
names = [name for name in library if name != "mine"][:2]
for answer in library.generate([message] * 3, ["mine", *names]):
    print(answer)
lab.storage(full, lora, n=100)

# %% [markdown] tags=["S6"]
# When one adapter is all that a machine will ever serve, it can be *merged*: $W + \frac{\alpha}{r} B A$ is written
# down as one matrix again. In 32 bits this changes next to nothing. Into a base of four bits, the sum has to be
# rounded to four bits again. **Predict**: how many of the answers change?

# %% tags=["S6"]
library.merge("mine", into_bits=16)

# %% tags=["S6"]
library.merge("mine", into_bits=4)

# %%
lab.Quiz("lesson", questions=["many-adapters", "merge-or-load", "run-artifact"])

# %% [markdown] tags=["S13"]
# ## 9. Data beats method?
#
# `tickets-messy` is the same task as hurried people would have collected it: half of its rows have a fault, such as a
# wrong label, a drifting format, a contradiction. Both are judged on the same clean messages. The claim to test:
# **LoRA on clean data beats full fine-tuning on messy data.** Predict, and run the messy two:

# %% tags=["S13"]
messy = lab.compare([lab.Full(), lab.LoRA(r=8)], data="tickets-messy", **speed)
messy

# %% tags=["S13"]
lab.plot(full, lora, messy)

# %% [markdown] tags=["S13"]
# **Read** the ends of the four lines, and the scores in the tables of sections 7 and 9. Which difference is larger:
# between the methods, or between the data sets? One seed is one seed: with three seeds of 60 steps, LoRA on clean
# data ended at 0.190 nats on average and full tuning on messy data at 0.209; LoRA won every time by loss, and one
# time of three by score (benchmarks/data_beats_method.md).
#
# **Change one thing**: another seed (`seed=1`), or twice the steps. Does messy data catch up with patience?

# %%
lab.Quiz("lesson", questions=["data-first"])

# %% [markdown] tags=["S11", "S12"]
# ## 10. How to choose
#
# Begin with an adapter unless you have a concrete reason not to: its loop is cheap, and you will go round it more
# than once. When an adapter stops improving and the data is strong, full fine-tuning is worth thinking about. The
# rules below are a table that you can read; what they weigh are predictions for *your* model and device, and *your*
# runs of today.

# %% tags=["S12"]
lab.advise(model="qwen3-8b", device="T4", max_length=512, variants=20, runs=race)

# %% tags=["S12", "S4"]
lab.advise(model="qwen3-0.6b", device="H100", change="broad", examples=200_000, plateaued=True, runs=race)

# %% [markdown] tags=["S12", "S4"]
# **Judge before you ask**: a hospital wants its letters summarised in the house's style; 900 checked examples, one
# GPU with 24 GB (`"RTX 4090"`), an auditor who wants the base unchanged. What do you choose, and what does the table
# say? Then: which single answer would have to change for the other choice?

# %% tags=["S12"]
lab.advise(model="qwen3-4b", device="RTX 4090", examples=900, keep_base=True, runs=race)

# %%
lab.Quiz("lesson", questions=["first-move", "when-to-go-full", "match-method", "memory-is-tight"])

# %% [markdown] tags=["S14", "S15", "S16"]
# ## 11. Checkpoint
#
# You are ready for the next lesson if you can answer these from memory. Close nothing, scroll nowhere, write in your
# own words; the answer is graded for what it says, here, without a network. First two quick ones.

# %% tags=["S15"]
lab.Quiz("lesson", questions=["quick-adapters", "quick-qlora"])

# %% tags=["S14", "S16"]
four = ["checkpoint-full", "checkpoint-adapters", "checkpoint-lora", "checkpoint-qlora", "ready"]
checkpoint = lab.Quiz("lesson", questions=four, from_memory=True)
checkpoint

# %% tags=["S16"]
checkpoint.summary()

# %% [markdown]
# If a class brought you here, hand in one file with your answers and your runs:
#
# ```python
# lab.submit(student="you@example.org", course="...", out="submission.json")
# ```
#
# ## Go further
#
# **A real small model, on a GPU.** The same calls with one name changed (the first one downloads 270 MB):
#
# ```python
# lab.tune(lab.QLoRA(r=8, bits=4), model="HuggingFaceTB/SmolLM2-135M", data="tickets", max_steps=200)
# lab.plan("Qwen/Qwen3-0.6B-Base", lab.LoRA(r=16), max_length=1024)       # 8 to 16 GB of GPU memory
# lab.compare(model="Qwen/Qwen3-0.6B-Base", data="tickets", gradient_checkpointing=True)
# ```
#
# **Your own examples**: a JSONL or a CSV file with a prompt and a completion in each row.
#
# ```python
# lab.tune(lab.LoRA(r=8), data="mine.csv", prompt_field="question", completion_field="answer")
# ```
