# ruff: noqa: E501 (one sentence a line)
"""Product-help text of our own, in the manner of what `lab-base` was pretrained on, none of which it has read.

title, why, steps 1. to n., note        each a sentence written by hand, its slots filled at random
"""

import random

THINGS = (
    "sales order", "purchase order", "sales invoice", "vendor invoice", "credit memo", "payment journal", "item", "customer", "vendor",
    "bank account", "warehouse", "price list", "return order", "shipment", "transfer order", "budget", "project", "contact", "employee",
    "exchange rate", "production order", "service order", "payment term", "discount group", "fixed asset", "ledger account",
)  # fmt: skip
AREAS = (
    "Accounts receivable", "Accounts payable", "General ledger", "Inventory management", "Sales and marketing", "Procurement and sourcing",
    "Warehouse management", "Project management", "Human resources", "Fixed assets", "Cash and bank management", "Production control",
)  # fmt: skip
FIELDS = (
    "Name", "Number", "Description", "Posting date", "Due date", "Currency", "Quantity", "Unit price", "Amount", "Status", "Location",
    "Group", "Account", "Language", "Tax group", "Delivery date", "Reason code", "Priority",
)  # fmt: skip
TABS = ("General", "Lines", "Setup", "Overview", "Delivery", "Prices", "Posting", "Addresses")

TITLES = """
Create {a_thing}
Post {a_thing}
Delete {a_thing} that is no longer used
How to copy {a_thing}
Set up the {field} of {a_thing}
Approve {a_thing}
Correct {a_thing} after posting
Print {a_thing}
Find {a_thing} by its {field}
Close {a_thing} at the end of the period
Import a list from a file into the {thing} form
Change who can edit {a_thing}
"""
INTROS = """
Use this procedure to create {a_thing} for a customer or a vendor.
You can change {a_thing} as long as it has not been posted.
When you post {a_thing}, the amounts are transferred to the general ledger.
This topic describes how to set up {a_thing} and which fields are required.
Before you begin, make sure that the {other} has been approved.
The following steps explain how to find {a_thing} that was posted in an earlier period.
{A_thing} can be linked to {a_other}, so that both show the same {field}.
If the {field} is not filled in, the system uses the value from the {other}.
You must have the rights of an accountant to open the {thing} form.
By default, the {field} of {a_thing} is copied from the {other}.
A report can be printed that shows every {thing} and its {field}.
In some companies, a manager has to approve {a_thing} before it is used.
You use the {thing} form to view, create and edit records.
To see the transactions behind {a_thing}, open its statistics.
Each {thing} has a number, which is assigned automatically from a number series.
"""
STEPS = """
Click {area} > Common > {Thing}s > All {thing}s.
Click New to create {a_thing}.
In the {field} field, enter a value.
In the {field} field, select an option from the list.
On the {tab} tab, select the line that you want to change.
Open the {tab} FastTab and fill in the fields.
Select the {field} check box if the {thing} is used by more than one company.
Double-click {a_thing} to view its details.
On the Action Pane, on the {tab} tab, click Edit.
Choose the OK button to confirm.
Click {area} > Periodic > {Thing}s > Update.
Enter the {field} and the {field2} of the {thing}.
Click Post, and then click OK.
Right-click the {thing}, and then select Copy.
Clear the {field} check box to leave the {thing} out of the report.
Press Ctrl+N to add a line for the {other}.
Close the form to save your changes.
Click Validate to check that the {field} is correct.
Repeat the last two steps for every {other}.
Select the {other} that the {thing} refers to.
In the dialog box, specify the period that the {thing} belongs to.
Choose the Print action to see how the {thing} will look on paper.
Click Lines to view the items of the {thing}.
Set the {field} to zero.
"""
NOTES = """
Note: You cannot delete {a_thing} that has open transactions.
The {thing} is now ready to be posted.
For more information about the fields, see the {thing} form.
Important: After posting, the {field} cannot be changed.
Tip: You can sort the list by {field} to find {a_thing} faster.
If an error message appears, check the {field} on the {tab} tab.
The balance of the {other} is updated at the same time.
An inactive {thing} is kept for reports, but it cannot be selected any longer.
To undo this, create a new {thing} with the opposite sign.
A message informs you when the {thing} has been processed.
Only one {other} can be connected with each {thing}.
The change takes effect the next time that somebody opens the {thing} form.
"""


def help_text(count: int, seed: int) -> list[str]:
    """`count` different documents; the same seed gives the same ones."""
    random_ = random.Random(f"help text {seed}")
    found: dict[str, None] = {}
    while len(found) < count:
        found[document(random_)] = None
    return list(found)


def document(random_: random.Random) -> str:
    """Title, one or two sentences, two to five numbered steps, perhaps a note, all about one thing."""
    slots = filled_slots(random_)
    intros = random_.sample(INTROS.strip().splitlines(), k=random_.choice((1, 1, 2)))
    steps = random_.sample(STEPS.strip().splitlines(), k=random_.randrange(2, 6))
    notes = random_.sample(NOTES.strip().splitlines(), k=random_.choice((0, 1, 1)))
    numbered = [f"{number}. {step}" for number, step in enumerate(steps, 1)]
    title = random_.choice(TITLES.strip().splitlines())
    return "\n".join([title, " ".join(intros), *numbered, *notes]).format_map(slots)


def filled_slots(random_: random.Random) -> dict[str, str]:
    """What stands in the slots of one document."""
    thing, other = random_.sample(THINGS, k=2)
    field, field2 = random_.sample(FIELDS, k=2)
    articled = {
        name: f"{'an' if word[0] in 'aeiou' else 'a'} {word}" for name, word in (("thing", thing), ("other", other))
    }
    slots = {"thing": thing, "other": other, "field": field, "field2": field2}
    slots |= {"area": random_.choice(AREAS), "tab": random_.choice(TABS), "Thing": thing.capitalize()}
    a_thing, a_other = articled["thing"], articled["other"]
    return {**slots, "a_thing": a_thing, "a_other": a_other, "A_thing": a_thing.capitalize()}
