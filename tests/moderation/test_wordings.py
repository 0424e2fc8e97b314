"""What people say to leave the market, and what sounds like it, in all languages.

By kind, each told by its name; where several messages say it, they stand in their order.
"""

import pytest

from chat_gateway.moderation.engine.find import find
from tests.moderation.packaged import WRITTEN


def found(messages: tuple[str, ...]) -> set[str]:
    """The rules that find something once all of the messages are there."""
    seen = [find(messages[:n], WRITTEN) for n in range(1, len(messages) + 1)]
    return {finding.rule.id for findings in seen for finding in findings}


FOUND: dict[str, tuple[str, tuple[str, ...]]] = {
    "app, better than the chat": (
        "contact.invited",
        ("Discord wäre leichter als der Chat hier, da zeige ich den Bildschirm",),
    ),
    "app, preferred": ("contact.invited", ("I prefer signal, if that's fine",)),
    "app, moved to": ("contact.invited", ("¿Nos movemos a Slack?",)),
    "app, all of somebody's people": (
        "contact.invited",
        ("I work with all my creators via whatsapp",),
    ),
    "app, invited into": ("contact.invited", ("we'd add you in our Slack channel",)),
    "app, a call by it": ("contact.invited", ("mejor una videollamada de zoom",)),
    "app, asked with a no": ("contact.messenger_named", ("¿no usas Skype?",)),
    "app, yes or no": ("contact.messenger_named", ("whats up app, yes or no",)),
    "app, in Portuguese": ("contact.messenger", ("me chama no whatsapp",)),
    "app, where notifications fail": (
        "contact.messenger",
        ("let's use telegram, notifications never reach me here",),
    ),
    "app, Polish spelling": ("contact.messenger", ("zdzwońmy się na łatsapie",)),
    "app, Russian by its colour": ("contact.messenger_named", ("го в зелёный мессенджер",)),
    "network, conversation moved": ("contact.social", ("Sigamos la charla por Insta",)),
    "network, going on there": ("contact.social", ("gemma auf insta weiter",)),
    "asked, German": ("contact.request", ("Könnten Sie uns Ihre Mailadresse mitteilen?",)),
    "asked, Swiss German": ("contact.request", ("Könntisch mer dini Nummere schicke?",)),
    "asked, elsewhere": ("contact.request", ("kann man dich auch anderswo erreichen?",)),
    "asked, politely": ("contact.request", ("what is your number sir?",)),
    "asked, short": ("contact.request", ("Quick: personal phone?",)),
    "asked, ID of mail": ("contact.request", ("can you give me your email ID pls",)),
    "asked, Spanish": ("contact.request", ("¿me regalas tu numerito?",)),
    "asked, French": ("contact.request", ("donne moi ton 06 stp",)),
    "asked, Italian": ("contact.request", ("lasciami il cell",)),
    "asked, Portuguese": ("contact.request", ("poderia indicar-me um contacto telefónico?",)),
    "asked, Polish": ("contact.request", ("Poproszę o Pani prywatny adres mailowy.",)),
    "asked, Russian": ("contact.request", ("Подскажите вашу личную почту.",)),
    "asked, Turkish": ("contact.request", ("numaranı atsana",)),
    "asked, Indonesian": ("contact.request", ("boleh minta nomor WA-nya kak?",)),
    "asked, Hindi": ("contact.request", ("aapka mobile number milega?",)),
    "asked, and to be called": ("contact.request", ("Дай номер, позвоню",)),
    "asked, best address": ("contact.request", ("what's the best email for contracts?",)),
    "where to be found": ("contact.request", ("Ya sabes dónde encontrarme",)),
    "next order, away": ("payment.off_platform", ("next logo please, not via this website",)),
    "next order, between two": (
        "payment.off_platform",
        ("Las próximas las llevamos entre nosotros",),
    ),
    "next order, directly": ("payment.off_platform", ("we do next time direct you and me, ok?",)),
    "orders to follow": ("payment.off_platform", ("Folgeaufträge gern direkt",)),
    "price here or there": ("payment.off_platform", ("60 here or 45 outside your choice",)),
    "French price here or there": ("payment.off_platform", ("400 ici ou 320 en direct",)),
    "without the market": (
        "payment.off_platform",
        ("then we handle the mastering without the marketplace",),
    ),
    "passing it by, Polish": (
        "payment.off_platform",
        ("następne filmy zrobić z pominięciem portalu",),
    ),
    "passing it by, Russian": ("payment.off_platform", ("Давайте без площадки",)),
    "passing it by, Hindi": ("payment.off_platform", ("platform ke bahar kaam karein?",)),
    "passing it by, Spanish": ("payment.off_platform", ("hagámoslo por fuera, te conviene",)),
    "cancelled and settled": ("payment.off_platform", ("отмени заказ, договоримся сами",)),
    "cancelled and settled, Polish": (
        "payment.off_platform",
        ("anuluj to zamówienie i dogadamy się na boku",),
    ),
    "not needed": ("payment.off_platform", ("we dont need this website for the next vids",)),
    "another channel": (
        "payment.off_platform",
        ("prefiero continuar esta conversación por otro canal",),
    ),
    "gone direct": ("payment.off_platform", ("I can offer you 20% more if we go direct",)),
    "hidden from the market": (
        "payment.off_platform",
        ("we keep it quiet, the platform doesnt notice",),
    ),
    "half there": (
        "payment.off_platform",
        ("La mitad por aquí y la otra mitad en transferencia aparte",),
    ),
    "purse, Polish": ("payment.purse_named", ("Zrób mi BLIKa na telefon",)),
    "purse, its tag": ("payment.purse_named", ("Si tu préfères Revolut, mon tag c'est max",)),
    "app, if it would do": ("contact.messenger", ("Would Signal work for you?",)),
    "app, rather than here": (
        "contact.request",
        ("I would rather discuss it by email than in here",),
    ),
    "network, its messages open": ("contact.social", ("nos vemos por insta, dm abierto",)),
    "asked, under which number": (
        "contact.request",
        ("Unter welcher Handynummer sind Sie zu erreichen?",),
    ),
    "asked, as an afterthought": ("contact.request", ("¿Y tu correo?",)),
    "asked, if there is one": (
        "contact.request",
        ("Avez-vous une adresse mail où je peux envoyer le contrat ?",),
    ),
    "hired directly": ("payment.off_platform", ("Nous préférons vous embaucher directement",)),
    "private contract": ("payment.off_platform", ("I propose a private contract for the rest",)),
    "why give them money": (
        "payment.off_platform",
        ("¿Para qué regalarle dinero a la plataforma?",),
    ),
    "nobody takes a cut": ("payment.off_platform", ("Pay me and nobody takes a cut",)),
    "somewhere private": ("payment.off_platform", ("let's talk somewhere private",)),
    "cheque at home": ("payment.off_platform", ("I'd post you a cheque",)),
    "account of a relative": ("payment.direct", ("pay my brother please",)),
    "app, a no that asks": ("contact.messenger", ("WhatsApp? No?",)),
    "app, a no that goes on": ("contact.messenger", ("WhatsApp? No problem, write me there",)),
    "app, where somebody lives": ("contact.invited", ("messenger is where i live",)),
    "app, rather than this, by its sign": (
        "contact.invited",
        ("der blaue Papierflieger ist mir lieber als das hier, du auch?",),
    ),
    "app, asked with another no": (
        "contact.messenger_named",
        ("no manejas Discord? es más práctico",),
    ),
    "app, as a verb": ("contact.messenger_named", ("¿y si mejor whatsapeamos?",)),
    "app, the other one": ("contact.messenger", ("viens sur l'autre appli",)),
    "network, into its messages": ("contact.social", ("komm lieber zu tiktok in die dms",)),
    "network, what cannot be shown here": (
        "contact.social",
        ("¿me escribes al insta y te enseño lo que no puedo subir aquí?",),
    ),
    "asked, an extension": ("contact.request", ("Hätten Sie auch eine Durchwahl?",)),
    "asked, which mail": ("contact.request", ("welche mail nutzt du",)),
    "asked, the way to ring": ("contact.request", ("What's the best way to ring you?",)),
    "asked, of somebody's shop": ("contact.request", ("pásame el correo del restaurante",)),
    "asked, Italian, a certified mail": (
        "contact.request",
        ("Ci può fornire una PEC o una mail?",),
    ),
    "asked, a number to call": ("contact.request", ("which number should he dial?",)),
    "call instead of writing": ("contact.request", ("can u call him instead of chatting here",)),
    "mail between each other": (
        "contact.request",
        ("From tomorrow we should write emails to each other.",),
    ),
    "searched for and called": ("contact.request", ("type our name into maps and call",)),
    "bank of somebody": ("payment.direct", ("pay the balance into my Barclays, please",)),
    "transfer, to be made": ("payment.direct", ("fammi un bonifico istantaneo",)),
    "transfer, offered": ("payment.direct", ("te hago un bizum",)),
    "address of a purse": ("payment.direct", ("PayPal-Adresse von dir?",)),
    "cash, German": ("payment.off_platform", ("Zahlst du bar beim Termin?",)),
    "market left out": (
        "payment.off_platform",
        ("what would you charge me if we left the site out?",),
    ),
    "next time without the site": ("payment.off_platform", ("nächstes Mal ohne Seite?",)),
    "the first here, the others not": ("payment.off_platform", ("as outras combina direto",)),
    "instead of ordering": ("payment.off_platform", ("Call my studio instead of ordering here.",)),
    "Spanish, not passing here": (
        "payment.off_platform",
        ("¿cuánto me cobrarías si no pasamos por aquí?",),
    ),
    "as a rule directly": ("payment.off_platform", ("We book freelancers directly as a rule.",)),
}

INNOCENT: dict[str, tuple[str, ...]] = {
    "app, refused": ("My parents want me on this site only, so no telegram, sorry!",),
    "app, refused in Hindi": ("Nahi ji, WhatsApp pe nahi aaungi",),
    "app, refused in Turkish": ("Üzgünüm, whatsapp kullanmıyorum, buradan devam edelim",),
    "app, done without": ("Давайте останемся здесь, без вотсапа",),
    "app, a rule": ("The site says no WhatsApp, no outside links",),
    "app, not to be seen": ("WhatsApp oder andere Marken dürfen im Spot nicht zu sehen sein.",),
    "app, a channel of the brand": ("The video is for our Telegram channel and for YouTube.",),
    "app, that the client makes": ("The app lets teams move from email to Slack in one click.",),
    "app, a meeting of others": ("I'm in a Teams meeting now, back at 3",),
    "app, a word for two things": ("I prefer the signal green for the background.",),
    "app, a lens": ("Switch to zoom lens for the close up.",),
    "telegram on paper": ("El telegrama de la boda es de 1954",),
    "network, found there": ("How did you find me on Instagram? no matter, let's talk here",),
    "network, to see the style": ("Mira nuestro Instagram para ver el estilo",),
    "contact, refused": ("Ihre Bitte um meine private E-Mail muss ich ablehnen.",),
    "contact, left out": ("Please leave your email out of the brief document",),
    "contact, here": ("I'll text you here when the second episode is mixed.",),
    "contact, of a draft": ("Send me your email template so I can check the design.",),
    "number, of an order": ("Скиньте номер заказа пожалуйста",),
    "number, of a parcel": ("Kargo takip numarası verir misin",),
    "phone, to film with": ("Grabo con el móvil, un iPhone 15",),
    "somewhere else, a logo": ("Move the logo somewhere else please.",),
    "payment, refused": ("bahar se payment nahi lunga sorry",),
    "payment, refused in dialect": ("Na, des mach ma ned außerhalb.",),
    "payment, asked for and refused": (
        "You asked for PayPal.",
        "I only accept orders through the marketplace.",
    ),
    "payment, at the checkout": ("Czy przy zamówieniu można wybrać BLIKa, czy tylko kartę?",),
    "payment, in the account here": ("Die Rechnung findest du in deinem Konto unter Belege.",),
    "direct, here": ("Next time I book you directly here again, great work!",),
    "rest, directly": ("Can you upload the rest directly as a zip?",),
    "next one, outside": ("For the next video please film outside, not in here.",),
    "cut without something": ("Could you do a cut without the website at the end?",),
    "cut of the market, told": ("The platform takes 20 percent, is that included in your price?",),
    "praise of the market": ("Without this platform I would never have found you!",),
    "between us, in a team": ("Wir machen das unter uns im Team aus und melden uns hier.",),
    "wise words": ("Be wise with the budget, use wise words.",),
    "app, offered and refused": ("Thanks for the Discord invite but I stay here.",),
    "app, understood and refused": ("Entiendo que prefieras Telegram, pero sigo por aquí.",),
    "app, mentioned": ("Darf man hier WhatsApp erwähnen?",),
    "telegram delivered": ("The robot delivers a telegram.",),
    "network, kept private": ("I keep my socials private from clients.",),
    "payment, a rule against it": ("Wer außerhalb bezahlt, riskiert viel.",),
    "payment, in a scene": ("Il protagonista paga in contanti il pane",),
    "payment, words to replace": ('Replace "bank transfer" by "wire".',),
    "slogan without a middleman": ("Без посредников — хороший слоган.",),
    "done by hand": ("please redraw it by hand",),
    "app, refused at once": ("WhatsApp? No, thanks. I keep everything in here.",),
    "app, refused at once in German": ("Telegram? Nee, lass mal, hier ist alles dokumentiert.",),
    "app, of a third party": ("My former boss had us on WhatsApp at midnight.",),
    "app, lured onto it once": (
        "A former supplier lured us onto Telegram and vanished with the deposit.",
    ),
    "app, likened to": ("their app is like telegram but for dog walkers",),
    "app, down": ("whatsapp down again?",),
    "app, may it be named": ("Si può nominare Telegram qui o scatta il blocco?",),
    "app, somebody keeps naming it": ("You keep bringing up Telegram.",),
    "app, customers of it": ("Ich hab mit WhatsApp-Kunden nur Chaos erlebt.",),
    "app, a heap of messages": ("My whatsapp is a graveyard of unread groups",),
    "network, private": ("My Instagram is private and I keep work here.",),
    "payment, refused at once": ("pay u direct? no way lol, the order protects us both",),
    "payment, offered by the other": ("You offered to pay me outside.", "I say no."),
    "payment, at a former place": ("My previous agency insisted on PayPal for everything.",),
    "payment, by which in the checkout": ("Should I try with PayPal there?",),
    "fees, a word of the terms": ("In Punkt 7 geht es um Umgehung der Gebühren.",),
    "site left out of a picture": ("I left the website out of the last shot",),
    "app, a bot of it": ("Es un bot de Discord para karaokes",),
    "app, kept private": ("nö, discord bleibt privat",),
    "app, the word for it": ("Me saltó un aviso por escribir la palabra WhatsApp",),
    "app, offered by the other": ("Got your message about WhatsApp", "I'd rather not"),
    "app, out": ("Sorry but Google Meet is out.",),
    "app, broken into": ("qu'on lui avait piraté son WhatsApp",),
    "mail, that tells of an answer": ("I get a mail whenever you reply, so just write here",),
    "mail, kept private": ("trotzdem, meine mail bleibt privat",),
    "number, taken out": ("Please take the phone number out of your signature in the file.",),
    "purse, known to the market": ("My PayPal is linked with my account here.",),
    "page to book, refused": ("Thanks for the Calendly idea, but no.",),
    "payment, by somebody else": ("A buyer wanted to pay me on Zelle last spring.",),
    "payment, without cover": ("Paying you directly would leave me without cover.",),
    "payment, what a product does": ("Our app lets freelancers get paid by bank transfer.",),
}


@pytest.mark.parametrize(("rule", "messages"), FOUND.values(), ids=FOUND)
def test_who_leads_out_of_the_market_is_found(rule: str, messages: tuple[str, ...]) -> None:
    """By the rule for it, among others."""
    assert rule in found(messages)


@pytest.mark.parametrize("messages", INNOCENT.values(), ids=INNOCENT)
def test_who_stays_is_left_alone(messages: tuple[str, ...]) -> None:
    """Whatever words it takes."""
    assert found(messages) == set()
