# ruff: noqa: E501 (one sentence a line)
"""Hand-written sentences around the core of a ticket: cues that decide fields of the record, and everything that must not.

Lines as in `ticket_phrases`: voices, then text; `*` is every voice but t (terse). `<` marks a cue that may come before
the core. Sections are named by the kind of intent they suit: any, goods, account, money, or an intent itself.
Further slots: {day} {date} {event} {month} {hour}, {phone} {invoice} {postcode} {card} {customer} {amount} {street}, {other}
and {a_other} for a product that the message is not about, {other_id} for another order, {name}.
"""

KINDS: dict[str, tuple[str, ...]] = {
    "track_delivery": ("any", "goods"), "change_address": ("any", "goods"), "missing_item": ("any", "goods", "fault"),
    "damaged_item": ("any", "goods", "fault"), "wrong_item": ("any", "goods", "fault"), "cancel_order": ("any",),
    "return_item": ("any",), "refund_status": ("any", "cash"), "invoice_copy": ("any", "books"),
    "invoice_error": ("any", "books", "fault"), "payment_failed": ("any", "money"),
    "double_charge": ("any", "cash", "fault"), "login_problem": ("any", "account"), "close_account": ("any", "account"),
}  # fmt: skip

HIGH: dict[str, str] = {
    "any": """
f< I must ask for your reply by {day}, since I shall be travelling after that.
f This is a matter of urgency.
f As the deadline is {day}, I would ask you to treat this with priority.
fh I leave the country on {day}, so it has to be settled before then.
*< This is urgent.
ch Please hurry, this can't wait.
ca I need this sorted by {day}, not next month.
c asap please!
c it's pretty urgent
t urgent
t< URGENT
t asap
t needed by {day}
t deadline {day}
a I expect this to be dealt with today.
a Today. Not tomorrow, not next week.
a I give you until {day}.
n Please very fast, it is urgent for me.
n I need the solution until {day}, after it is too late.
h I wouldn't normally press you, but I'm off to hospital on {day} and it must be done before then.
""",
    "goods": """
*h We need {it} for {event} on {day}.
f {They} {is} required for {event} on {day}; any later would be of no use.
ch {event} is on {day} and without {it} I'm stuck!
ca {event} is this {day}, so get a move on please.
t need {it} for {event} on {day}
t {event} is {day}
n On {day} is {event} and I need {it} before.
h The whole family comes on {day} for {event}, and I have nothing to show for myself, so please be quick.
""",
    "damaged_item": """
fh There are sharp edges and we have small children in the house, so this cannot wait.
ca This is dangerous, somebody could get hurt.
c I cut my hand on it, it's really not safe.
t dangerous, please act now
t safety risk, sharp edge
n It is dangerous for my baby, please react today.
a My son nearly hurt himself on it. This is a safety matter and I want to hear from you today.
""",
    "books": """
f Our books close on {day}, so I depend on your answer before then.
f The tax office has given me until {day}.
ch My accountant wants everything by {day}, so please be quick.
t books close {day}
n My boss wants it finished until {day}.
a My tax return is due on {day} and I won't pay a fine because of you.
""",
    "cash": """
f I depend on this sum, as my rent is due on {day}.
ch Rent goes out on {day} and I can't afford to be short, so please be quick.
t rent due {day}, need the money
n On {day} I must pay my rent, so I need the money before.
a My account is overdrawn because of you and the rent is due on {day}.
""",
    "account": """
*< I think a stranger has got hold of my password, so this can't wait.
f I have reason to believe that the account is being misused at this moment.
ca Somebody is using my account right now, please act at once.
t account hacked, act now
t someone else is in there right now
n Maybe a thief is in my account now, please be very quick.
""",
}

LOW: dict[str, str] = {
    "any": """
f There is no urgency in this matter.
f Please answer at your convenience; there is no hurry.
fcnh< This is not urgent at all.
ch No rush at all.
ch Whenever you get round to it is fine.
c no hurry btw
c Take your time though.
c any time this month is fine
t no rush
t not urgent
t no hurry
t low priority
a I'm not in a hurry, but I'm not amused either.
a It can wait, my patience is another matter.
n It is not urgent, you can answer when you have time.
n No stress, I have time.
h I'm retired, I've got all the time in the world, so do look after the people in a hurry first.
h Don't lose any sleep over it, next week or the week after will do nicely.
""",
    "goods": """
fh {event} is not until {month}, so there is plenty of time.
c only need {it} in {month} so no stress
t only needed in {month}
n I need {it} only in {month}, so slowly is ok.
""",
    "account": """
fh I only sign in once or twice a year, so please take your time.
""",
}

SECOND: dict[str, str] = {
    "any": """
f< I already wrote to you about this on {date} and have received no answer.
f This is my second enquiry in the matter.
f< I refer to my earlier message of {date} on the same subject, which remained unanswered.
*< I've written to you about this before.
ch< I did send you a message about this last week, but maybe it got lost.
c< Me again, same problem as last week.
c 2nd time I'm asking
t second message about this
t< asked before, no reply
t 2nd mail
a< I told you all this last week and nobody bothered to reply.
a How many more times do I have to write to you about this? Once should have been enough.
n< I wrote already one time for this and nobody answers.
n It is the second time that I ask you.
h< You may remember me, I rang about this very thing on {date}, and the young lady promised to call back.
""",
}

SECOND_AND_HIGH: dict[str, str] = {
    "any": """
f< This is the third time that I contact you about this and I must insist on an answer today.
ch< This is my third call about this, please do something today!
t third message, answer today
t 3rd time asking, urgent
a< Third time I'm writing about this! Today or you'll hear from my lawyer.
n This is the third time I write, now it is very urgent.
""",
}

SHIPPED: dict[str, str] = {
    "any": """
f According to your notification the parcel has already been dispatched.
f I understand that the goods have already left your warehouse.
* I know it has already been shipped.
c your mail says it's on its way already
ch I just saw that it went out yesterday.
t already shipped
t parcel is on the way
t tracking says dispatched
a And yes, I know you've already sent it.
n The package is already travelling, says the mail.
h Wouldn't you know it, your message that it's in the van came five minutes ago.
""",
}

NOT_SHIPPED: dict[str, str] = {
    "any": """
f To my knowledge the parcel has not been dispatched yet.
f The order is still shown as being prepared.
* It has not been shipped yet.
c site still says processing
ch Luckily it hasn't gone out yet.
t not shipped yet
t status: processing
a Your site says it is still in the warehouse, so don't tell me it's too late.
n It is not sent until now, I have looked.
""",
}

REFUND: dict[str, str] = {
    "any": """
f I would like to be refunded.
f Kindly reimburse the purchase price.
* I'd like my money back.
ca Just give me my money back.
c can I get a refund?
c I'd rather have the money back than a new one
t refund please
t want refund
t money back
a I want a full refund and nothing else.
a Keep your vouchers, I want my money back.
n I want the money back please.
n Please make me a refund, another one I don't want.
h I've lost my taste for it, to be honest, so the money back would suit me best.
""",
}

REPLACEMENT: dict[str, str] = {
    "any": """
f I would appreciate a replacement.
f I kindly ask you to supply what I ordered.
* Please send me what I ordered, I still want it.
c could you send me a new one?
c don't need the money back, just send me another
ca Just send me a proper one and we're good.
t please send replacement
t send new one
t want replacement, no refund
a I don't want my money, I want what I paid for.
n Please send me another one that is good.
n I wish a new one, not the money.
h I don't want the money back, I'd still love to have one, so would you pop another in the post?
""",
}

NO_WISH: dict[str, str] = {
    "any": """
f Please let me know how we should proceed.
f I should be glad to hear what options I have.
* What happens now?
c what do we do?
t what now?
t please advise
a So? What are you going to do about it?
n What I must do now?
h I really don't know what one does in such a case, I've never had it happen.
""",
}

PRODUCT_BEFORE: dict[str, str] = {
    "any": """
f I am writing about the {product} that I bought from you.
*t It's about the {product}.
ch I bought {a}{product} from you a while ago.
c about the {product} I ordered:
t {product}:
t re {product}.
a I ordered {a}{product} from you, more fool me.
n I have bought {a}{product} in your shop.
h I treated myself to {a}{product} from your shop.
""",
    "wrong_item": """
*t I ordered {a}{product}.
fh What I ordered was {a}{product}.
t ordered {product},
n My order was for {a}{product}.
""",
    "account": """
*t I wanted to look at my purchase of the {product}.
""",
    "payment_failed": """
*t I'm trying to buy the {product}.
h I've had my eye on the {product} for months.
""",
    "close_account": """
fch I only signed up to buy the {product}.
n I made the account only for buying the {product}.
t account was only for the {product}.
a The {product} {is} all I ever bought from you, and that was enough.
""",
}

PRODUCT_AFTER: dict[str, str] = {
    "any": """
f The article concerned is the {product}.
*t It's about the {product}.
c it's for the {product} btw
c I mean the {product}.
t item: {product}
t {product}
a It's the {product} I'm talking about.
n It is for the {product}.
h It's the {product} I'm on about.
""",
    "wrong_item": """
*t I ordered {a}{product}.
fh It should have been {a}{product}.
c supposed to be {a}{product}
t should be {product}
n I wanted {a}{product}.
""",
    "missing_item": """
f It is the {product} that {is} missing.
*t The {product} {is}n't there.
c it's the {product} that's not there
t {product} missing
n What I miss is the {product}.
h It's the {product} I can't find.
""",
    "login_problem": """
*t I wanted to look at my purchase of the {product}.
""",
    "close_account": """
fch I only signed up to buy the {product}.
n I made the account only for buying the {product}.
t only had it for the {product}
a The {product} {is} all I ever bought from you, and that was enough.
""",
}

ORDER_BEFORE: dict[str, str] = {
    "any": """
f Reference: order {order}.
f I refer to order {order}.
*t Order {order}:
ch This is about order {order}.
t order {order},
n It is about my order {order}.
""",
    "account": """
*t My last order was {id}.
""",
}

ORDER_AFTER: dict[str, str] = {
    "any": """
f My order number is {id}.
f The order in question is {id}.
*t Order {order}.
*t Order number: {id}
ch The order is {id} if that helps.
c it's order {order}
t ref {id}
t {id}
a Order {order}, in case you care.
n The number of my order is {id}.
h I had to dig out my glasses to read it, but the order number is {id}.
""",
    "close_account": """
*t My last order was {id}.
""",
    "login_problem": """
*t I wanted to look at order {order}.
""",
}

GREETINGS = """
f Dear Sir or Madam,
f Dear customer service,
f Good morning,
f To whom it may concern,
f Dear team,
c Hi,
c hey there,
c Hi guys,
c Hello!
c heya
t hi
t Hello,
a Hello.
a To the manager:
a Hi "support" team,
n Hello dear support,
n Good day,
n Dear Sirs,
n Hello friend,
h Hello there,
h Good evening to you all,
h Hi lovely people,
h Hello, me with a question,
"""

CLOSINGS = """
f Yours faithfully, {name}
f Kind regards, {name}
f With best regards, {name}
f Thank you for your assistance.
f Thank you in advance. {name}
c Thanks!
c cheers, {name}
c thx
c Thanks a lot, {name}
c ta
t thanks
t {name}
t thx
a {name}
a Not happy. {name}
a I'm waiting for your answer.
n Thank you very much and nice greetings, {name}
n Thanks for help!
n Best greetings from {name}
h All the best and have a lovely day, {name}
h Thank you, you're dears. {name}
h Bye for now, {name}
"""

REMARKS = """
ch It has been raining here since Monday and I have finally had time to sit down and write.
ch Sorry for the typing, the dog is lying on my arm.
h My knee is acting up, so I do all my shopping from the sofa these days.
h My sister swears by your shop, by the way, she sent me to you.
h It's so hot here that even the cat has moved to the bathtub.
h My daughter says I should use the chat, but I like to write a proper letter.
h I've been a customer since you were a tiny shop with one van.
ch I'm writing this from the train, so forgive any mistakes.
ch My tea is getting cold, so I'll keep it short.
h The grandchildren are here this week and it's a zoo.
fh I have been your customer for many years and was always satisfied.
f I looked through the help pages first but did not find an answer.
f Your colleague at the front desk was, I may add, very polite.
c Your site looks nice by the way.
c Love the new app btw.
c sorry if this is the wrong address to write to
c I looked in the faq but couldn't find it.
ac Your phone line just plays music, so I'm writing instead.
a Your competitor gets these things right, just so you know.
a And don't send me one of those automatic replies.
a I shall be telling my friends about this.
n Sorry for my English, I am from Portugal.
n I hope you understand me, I write with a dictionary.
n In my country the shops do it other way.
n I like very much your shop, the prices are good.
ca The {other} I bought last year works fine.
ch The {other} I got from you in {month} is still going strong, by the way.
f The {other} that I purchased last year has given no cause for complaint.
n The {other} from last year is very good, no problem with that.
h My neighbour is still in love with the {other} she had from you.
fc You can reach me on {phone}.
t tel {phone}
n My telephone is {phone}.
h If you'd rather ring, I'm on {phone}, best after lunch.
a My number is {phone}, should anybody feel like calling.
ft My customer number is {customer}.
c customer no. {customer} if you need it
n I am the client number {customer}.
f I am usually at home after {hour}.
ft I live in {postcode}.
"""

FIRST_TIME = """
c this is the first time I'm writing to you so be nice :)
fn I have not contacted you about this before.
t first message
h It's the first time I've ever had to write to you.
"""

REMARKS_BY_KIND: dict[str, str] = {
    "goods": """
*t I placed the order on {date}.
*t The total was {amount}.
ch The delivery guy was really friendly last time, I must say.
h I paid with the card ending in {card}, if that matters.
""",
    "money": """
*t It was {amount}.
*t I used the card ending in {card}.
h My bank is no help, they just play me Vivaldi.
""",
    "cash": """
*t It was {amount}.
f The purchase was made on {date}.
c paid on {date} I think
n I have paid {amount} with card {card} at the end.
h I used the card ending in {card}, the one with the cat on it.
t card ending {card}
""",
    "books": """
ft The invoice number is {invoice}.
f The invoice is dated {date}.
c think the invoice number was {invoice}
n The number of invoice is {invoice}, if you must know it.
h It says {invoice} on the confirmation, whatever that may be.
*t The amount was {amount}.
""",
    "fault": """
f I trust that this is an isolated case.
f I am rather disappointed, I must say.
a I have never seen anything like it.
a Is this what you call quality?
ch These things happen, I suppose.
n I am a bit sad about this.
""",
    "account": """
f I registered on {date}.
c same email as always
ct I'm on an Android phone.
n I use the computer of my work.
h I only shop online because the bus no longer stops in our village.
""",
    "other_order": """
f My other order, {other_id}, arrived without any problem.
c The other one, order {other_id}, was fine.
t other order {other_id} is ok
n With the other order {other_id} it was all good.
h My other order, {other_id}, came in no time, I should say.
""",
}

NEW_ADDRESS = """
f The new address is {street}, {postcode}.
f Please deliver to {street}, {postcode}.
*t It's {street}, {postcode}.
c new one is {street}, {postcode}
t {street}, {postcode}
n My good address is {street}, {postcode}.
h We're at {street} now, {postcode}, the one with the blue door.
"""

ASIDES: dict[str, str] = {
    "invoice_copy": """
*h By the way, where on your site do I find my invoices?
f Incidentally, do you also send invoices by post?
n One small other question: are the invoices by email or by paper?
t also: where are invoices on the site?
""",
    "return_item": """
ch By the way, how long does one have to send things back, in general?
f As an aside, is your return period still 30 days?
t ps how long is the return period?
""",
    "track_delivery": """
c Oh, and do you deliver on Saturdays?
f As a side note, do you also deliver to Norway?
h And before I forget, do your vans come to the islands as well?
""",
    "close_account": """
c Also, can I unsubscribe from the newsletter somewhere?
f On another note, please take me off the newsletter list when you have a moment.
a And stop sending me newsletters, while you're at it.
""",
    "login_problem": """
ch Small thing on the side: your app looks a bit odd on my tablet.
t ps site is slow today
""",
    "payment_failed": """
f In passing: do you accept gift cards as payment?
ch PS: can one pay with gift cards in your shop?
n Other small question, you take also gift cards?
""",
}

NAMES = (
    "Anna Berg", "J. Whitfield", "Tom", "Priya", "Mrs Okafor", "Luca", "M. Dupont", "Sofia Reyes", "Karel", "Ines",
    "Dr. Hale", "Yusuf", "Grete", "Bob", "Marie-Claire", "R. Patel", "Oksana", "Liam", "Chidi", "Helga Sommer",
    "D. Novak", "Mei Lin", "Pete", "Aisha", "G. Rossi", "Nora", "Ewan McKay", "Hiroshi", "Carmen", "Will", "Zofia", "Abdul",
    "Ms Tran", "Viktor", "Edith", "Samir", "Joan P.", "Mateus", "Kirsten", "Old Harry",
)  # fmt: skip
EVENTS = (
    "my daughter's birthday", "our wedding", "the school trip", "my mother's 80th birthday", "the office party",
    "the christening", "our camping weekend", "the village fair", "the house-warming", "my son's first race",
    "our anniversary", "grandpa's retirement do",
)  # fmt: skip
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
STREETS = (
    "14 Mill Lane", "3 Station Road", "Lindenweg 22", "7b Harbour Street", "118 Oak Avenue", "Flat 5, 40 Queen's Road",
    "Rua das Flores 9", "61 Church Hill", "2 Orchard Close", "Hafenstrasse 31", "25 rue du Port", "9 Birch Court",
    "Unit 12, Canal Yard", "88 West Parade",
)  # fmt: skip
