# ruff: noqa: E501 (one sentence a line)
"""Hand-written core sentences of a ticket, by intent: the words that say what the customer wants.

One line a phrasing: its voices, then its text. Voices: f formal, c casual, t terse, a angry, n not a native speaker,
h chatty. A line with `!` is reserved for validation and test, so that unseen wording can be measured.

Slots: {product}; {order}, always after the word "order"; {id}, the bare number; {a} the article before {product} or nothing;
{is} {was} {has} {do} agree with {product}; {they} and {it} are "it", or "they" and "them"; {a_other} another product.
No core says how urgent it is, whether a parcel has left, what is wished, or that the customer wrote before.
"""

CORES: dict[str, str] = {
    "track_delivery": """
f Could you please let me know where my {product} {is} at the moment?
f I would like to enquire about the delivery status of order {order}.
f I have not yet received my parcel and would appreciate some information on its whereabouts.
f Would you kindly inform me when I may expect delivery of the {product}?
c any idea where my {product} got to?
c Just wondering when my parcel is going to turn up.
c So my order {order} should have been here by now and there's no sign of it.
t where is my {product}
t Status of order {order}?
t parcel not here. where is it?
a Where on earth is my parcel? You promised three to five days and I have been sitting here like a fool.
a I paid for fast shipping and my {product} still {has}n't shown up. What a joke.
n Please, I am waiting since two weeks my {product} and nothing is coming.
n Hello, the package of me did not arrive, can you say where it is now?
h I keep running to the door every time a van goes by, but it's never my {product}. Do you know where {they} might be?
h My neighbour got her parcel from you and mine is nowhere to be seen, so I thought I'd ask where it has got to.
f! I am writing to ask which day the {product} will be delivered.
c! The tracking page hasn't moved for days, what's going on with my delivery?
t! no delivery so far, order {order}
n! I look every day in the post but my order is not there, where did it stay?
""",
    "change_address": """
f I would like to change the delivery address for order {order}.
f Would it be possible to have the {product} delivered to a different address?
f I entered an old address when I placed my order and would ask you to correct it.
f Kindly note that my shipping address has changed and the {product} should go to the new one.
c Oops, I put my old address on the order for the {product}. Can you change it?
c Can you send my parcel to my work instead of my home?
c We've just moved house, so can order {order} go to the new place please?
t wrong address on order {order}, please change
t new delivery address for the {product}
t please ship to another address
a Your form filled in my old flat by itself and now my {product} {is} going to the wrong place. Correct the address.
a I can't edit the address anywhere on your useless site. It has to go to a different street.
n I have make a mistake in the address of my order, you can change it please?
n The {product} must go to other address, I am not living there more.
h Silly me, I typed my mum's address when I bought the {product}, and she lives three hours away. Could it go to mine?
h We've moved since I placed the order, boxes everywhere, and of course your site still has the old flat as the place to deliver to.
f! Please amend the shipping details, as I no longer live at the address given for the {product}.
c! I messed up the street number at checkout, could you fix where it's being delivered?
t! deliver order {order} elsewhere pls
a! The house number on the label is not mine because your app refused to save it. Put the right one on it.
""",
    "missing_item": """
f The parcel was delivered today; however, the {product} {was} not included.
f I regret to inform you that my delivery was incomplete: one article is missing.
f Upon opening the box I noticed that the {product} listed on the packing slip {was} absent.
f Part of order {order} was not in the box that I received.
c My box came but there was no {product} in it.
c Half my order isn't in the parcel?
c Got order {order} today and one thing is missing from the box.
t {product} missing from parcel
t box incomplete, one item not inside
t order {order} arrived, something missing
a You charged me for everything and then left the {product} out of the box. How hard can packing be?
a I opened the parcel and one of the things I paid for simply is not there. Does nobody check?
n In the box was everything but not the {product}, I searched also in the paper.
n I received the packet but one article is not inside.
h I turned the whole box upside down, bubble wrap all over the kitchen, and there is no {product} to be found.
h The kids helped me unpack and we ticked everything off the list, and one thing is definitely not there.
f! According to the delivery note the {product} should have been enclosed, but I could not find {it}.
c! so the parcel turned up with everything except the {product}
t! not everything in the box, order {order}
n! The delivery is here but it lacks one piece of what I have bought.
""",
    "damaged_item": """
f Unfortunately the {product} arrived in a damaged condition.
f I received order {order} yesterday and found that the contents are broken.
f I must report that the item I ordered has a large crack and cannot be used.
f The {product} {was} delivered with a visible defect.
c My {product} turned up broken.
c The thing you sent me is cracked right down the middle.
c Opened order {order} and it's all smashed up inside.
t {product} broken on arrival
t item arrived damaged
t order {order}: contents broken
a Your courier must have played football with the box, because my {product} {is} in pieces.
a What came out of the box is scrap. Dents everywhere and one side is split.
a I paid good money for the {product} and what I got is rubbish that broke the first time I used {it}.
n The {product} came to me broken, the box was also with hole.
n When I open the package I see the article is broken in two parts.
h I was so looking forward to the {product}, and then I lifted {it} out and a bit fell off in my hand.
h You should have heard the rattle when I picked up the box. Inside it's just bits.
f! Regrettably, on unpacking the {product} I discovered that {they} had been damaged in transit.
c! Well, the {product} came but there's a huge dent and {they} won't work.
t! {product} defective
n! The thing is not whole, it has a break and one piece hangs down.
a! Did anybody look at this before it was sent? Scratched, bent and no use to anyone.
""",
    "wrong_item": """
f I ordered the {product} but received {a_other} instead.
f It appears that the article you delivered is not the one I ordered.
f Order {order} contained an item which I did not order.
f The {product} that I received {is} not in the colour I selected.
c I ordered {a}{product} and you sent me {a_other}, lol.
c You've sent me someone else's stuff I think, this isn't what I bought.
c Order {order} has the wrong thing in it.
t got {a_other}, ordered {product}
t wrong item in order {order}
t not what I ordered
a I ordered {a}{product}. I got {a_other}. Can nobody in your warehouse read?
a This is not what I bought, not even close. Who packs your boxes?
n I have ordered the {product} but it came {a_other} in the box.
n You have send me a wrong article, it is not which I wanted.
h Imagine my face: I open the box expecting my {product} and out comes {a_other}!
h I thought for a moment that my husband had been shopping, but no, you've put something in my box that I never ordered.
f! In place of the {product} that I purchased, the parcel held {a_other}.
c! pretty sure there was a mix-up, the thing in the box isn't mine
t! {a_other} came, should be {product}
n! The article that arrived is another than the one of my order.
""",
    "cancel_order": """
f I would like to cancel order {order}.
f Please cancel my order for the {product}, as I no longer require {it}.
f I hereby withdraw from my purchase and ask you to cancel it.
f Owing to a change of plans I wish to call off the order I placed.
c Can you cancel my {product} please? Changed my mind.
c I hit the buy button by accident, can you stop that order?
c Please scrap order {order}, found one in the attic.
t cancel order {order}
t cancel the {product} please
t pls cancel my order
a Cancel the {product}. I've seen the reviews now and I wish I'd read them first.
a I don't want anything from your shop any more. Cancel what I ordered.
n I want to cancel my order because I have bought two by error.
n Please make annulation of the {product}, I don't need more.
h My sister has just given me the very same {product} as a present, so I'd like to cancel mine.
h I got carried away with a glass of wine and a credit card the other evening. Could you cancel what I ordered?
f! I request the cancellation of the purchase of the {product}.
c! turns out I don't need the {product} after all, could you call the order off?
t! stop order {order}, not needed
n! I would like that you stop my order, I do not want it anymore.
""",
    "return_item": """
f I would like to return the {product} under your 30-day policy.
f Please advise how I may send back an article from order {order}.
f The item does not meet my expectations and I wish to return it.
f The {product} {is} in perfect order but too large for the room, so I intend to send {it} back.
c How do I send the {product} back? Not really my style.
c I'd like to return something, it just doesn't suit me.
c Want to send back what I got in order {order}, it's fine but I don't need it.
t return {product}, unused
t how to send back order {order}
t want to return an item, don't like it
a The {product} {is} nothing like the photos. I'm not keeping {it}, {they} can go straight back to you.
a The colour on your site is a lie. I want to send it back.
n I want give back the {product}, it is not my taste.
n How I can return an article? It is good but too small for me.
h I tried the {product} in every corner of the flat and {they} just {do} not look right, so back {they} must go, I'm afraid.
h My wife took one look at it and laughed, so I suppose it will have to come back to you.
f! I have decided not to keep the {product} and would like to arrange for {it} to go back to you.
c! the size is off, what do I do to send it back?
t! returning the {product}, how?
n! The article is not how I imagined, I would send it back to you.
""",
    "refund_status": """
f I returned the {product} and would like to know when the amount will be credited.
f Could you tell me the status of the refund for order {order}?
f My return was confirmed, yet no refund has reached my bank account.
f I am enquiring about the reimbursement that was promised for the {product}.
c Sent the {product} back, when do I get my money?
c Has my refund gone out? Nothing in my account so far.
c My refund for order {order} hasn't landed.
t refund for {product}: when?
t refund status order {order}
t returned item, no money received so far
a You have had the {product} back for weeks and you are sitting on my money. Where is the refund?
a Taking my money took you two seconds. Why does giving it back take a month?
n I have sent the {product} back and the money did not come on my account.
n When do I receive the refund of my return? In the bank I see nothing.
h The nice man at the post office gave me the receipt for the returned {product}, but I can't find any refund on my statement.
h I've been through my bank statement with a ruler and your refund isn't on it. Where might it be?
f! As yet the money for the {product} I sent back has not been credited to me.
c! what's happening with the money you owe me for the stuff I returned?
t! money back for order {order} not received yet
n! My return you have got, but the payment back I am missing.
""",
    "invoice_copy": """
f Could you please send me a copy of the invoice for order {order}?
f I require the invoice for the {product} for my tax return.
f Kindly forward the invoice for my purchase, as none was enclosed.
f Our accounting department needs a duplicate of the invoice for the {product}.
c Can I get an invoice for the {product}?
c I lost the invoice, could you email it to me?
c Need the bill for order {order} for my expenses.
t invoice for order {order} please
t {product}: invoice copy
t pls send invoice
a No invoice in the box, none in my mail. How am I supposed to claim the {product}? Send it.
a Every other shop sends an invoice by itself. You don't. I want it.
n I need the facture of my purchase, can you send me please?
n Please send again the invoice of the {product}, I have it lost.
h My accountant is giving me that look because I can't find the invoice for the {product}. Would you send me a copy?
h I think the dog ate the invoice. Could I have another copy, please?
f! For our records we would be grateful for a copy of the invoice relating to the {product}.
c! do you have the invoice as a pdf? I can't find it anywhere
t! need bill, order {order}
n! The paper of the invoice was not in the packet, I need one for my company.
""",
    "invoice_error": """
f The invoice for order {order} shows an incorrect billing address.
f I noticed that the VAT number on my invoice is wrong.
f The invoice for the {product} states a price that differs from the one agreed.
f Please issue a corrected invoice, as the company name is misspelt.
c The invoice for my {product} has the wrong name on it.
c My bill has the old company address on it, can you fix that?
c There's a mistake on the invoice for order {order}, the VAT is off.
t invoice order {order} has wrong name
t wrong price on invoice for {product}
t VAT number on bill incorrect
a Your invoice lists the {product} at ten euros more than the shop showed. Fix it.
a You managed to spell my company's name wrong three times on one invoice. Correct it.
n On the invoice of the {product} is the tax not correct.
n The bill has a false name of my firm, I need a right one.
h I nearly fell off my chair: according to the invoice I bought three of the {product}, and I only bought one.
h My bookkeeper spotted it straight away: the date on your invoice is wrong.
f! There is a discrepancy between the amount billed for the {product} and the amount I paid.
c! you've billed it to my maiden name, could you redo the invoice?
t! order {order}: error on bill
n! In your invoice the address stays wrong, please make a new one with the good address.
""",
    "payment_failed": """
f My payment for order {order} was declined although my card is valid.
f I attempted to pay for the {product}, but the transaction could not be completed.
f The checkout returned an error when I tried to pay.
f Your system does not accept my card for the purchase of the {product}.
c My card won't go through when I try to buy the {product}.
c Payment keeps failing at the last step, tried two cards.
c order {order} says payment failed. The card's fine, I used it this morning.
t payment declined, order {order}
t can't pay for {product}, error
t card refused at checkout
a Five times I typed in my card and five times your site threw me out. I just want to pay for the {product}!
a You refuse my perfectly good card and can't even tell me why. Unbelievable.
n I can not pay the {product}, always it comes error.
n The payment does not function, my bank says everything is ok from their side.
h I've never had trouble with this card, it even worked in Peru, but your checkout won't take it for the {product}.
h The little wheel turned and turned and then it told me the payment had failed. What am I doing wrong?
f! The transaction for the {product} was rejected by your payment page.
c! paypal spins for a minute and then it says payment unsuccessful
t! order {order} payment not accepted
n! I try to give my card number but the page tells that the pay is not possible.
""",
    "double_charge": """
f My card has been charged twice for order {order}.
f According to my bank statement the amount for the {product} was debited two times.
f I have noticed a duplicate payment to your company on my statement.
f It would seem that I paid twice for the {product}, although I bought only one.
c You took the money for my {product} twice.
c I've been billed two times for the same thing.
c order {order} shows up twice on my card.
t charged twice, order {order}
t {product} debited two times
t double payment on my card
a I bought the {product} once, so why did you take my money twice?
a Helping yourselves to my account twice for one order? Nice business you have there.
n You took two times the money for the {product} from my bank.
n On my account I see two equal payments to you, but I made only one order.
h I was doing my accounts over a cup of tea and saw that the {product} had been paid for twice. One would have been plenty!
h I'm no maths teacher, but one order should mean one payment, and my bank shows two.
f! Two identical amounts have been deducted for the {product}.
c! same amount went out of my account to you, two days in a row, for one order
t! paid once, billed twice, order {order}
n! The money of the {product} has gone away double from my card.
""",
    "login_problem": """
f I am unable to sign in to my customer account.
f The password reset e-mail that you announce never reaches me.
f I cannot access my account to view order {order}.
f My account appears to be locked and I cannot log in to see my purchase of the {product}.
c Can't log in, it says my password is wrong.
c Your site keeps logging me out and won't take my password.
c I can't get into my account to see order {order}.
t login not working
t locked out of my account
t can't sign in, password rejected
a Your login page has rejected my password eleven times. I know my own password!
a Locked out of my own account by your silly security check. Let me in.
n I can not enter in my account, the password is not accepted.
n The code for login does not arrive on my phone.
h I've tried every password I have ever had, including the name of my first hamster, and your site won't let me in.
h My grandson set up the account for me and now neither of us can get in.
f! Despite entering the correct credentials I am refused access to my account.
c! forgot my password and the reset link just gives me a blank page
t! account blocked, no access
n! The page does not recognise me, I write my email and it says unknown user.
""",
    "close_account": """
f I would like to have my customer account closed.
f Please delete my account and all personal data connected with it.
f I request the deletion of my profile under data protection law.
f As I no longer use your shop, please terminate my account.
c Please delete my account, I don't use it any more.
c How do I get rid of my account? Can't find a button for it.
c I've got two accounts by mistake, please close this one.
t close my account
t delete account please
t account no longer needed, remove it
a I'm done with your shop. Delete my account.
a You mail me every single day. Close my account and forget my name.
n I want to delete my account with you, please how to do?
n Please erase my account and my datas.
h I'm tidying up my online life this spring, and your account is next on the list to be closed.
h Nothing against you, but I'm retiring to a hut without internet, so please close my account.
f! I no longer wish to be registered as a customer; kindly remove my details.
c! could you take me off your system completely, account and everything?
t! remove my profile
n! I do not want to be your member anymore, please cancel my registration.
""",
}
