"""Numbers, addresses, names and links in disguise or in pieces, and numbers that are none.

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
    "number, keycaps alone": ("contact.phone", ("6️⃣4️⃣4️⃣2️⃣0️⃣7️⃣3️⃣1️⃣8️⃣",)),
    "number, wide digits alone": ("contact.phone", ("６４４２０７３１８",)),
    "number, digits in circles": ("contact.phone", ("➅➃➃ ➁⓪➆ ➂➀➇",)),
    "number, Arabic digits": ("contact.phone", ("٦٤٤٢٠٧٣١٨",)),
    "number, hidden marks in it": ("contact.phone", ("\u200b".join("644207318"),)),
    "number, letters in two groups": ("contact.phone", ("34O 7I8 29 51",)),
    "number, short words and digits": ("contact.phone", ("8 nine 05 - 71two - three4 - 5five",)),
    "number, digit by digit": ("contact.phone", ("0.1.7.6.4.4.3.2.8.8",)),
    "number, French with slashes": ("contact.phone", ("01/44/27/90/16",)),
    "number, Mexican": ("contact.phone", ("55-4107-9326",)),
    "number, of an order but to be dialled": (
        "contact.phone",
        ("order no. 0770-0900-263 (it is none, ring it)",),
    ),
    "number, its beginning long ago": (
        "contact.phone",
        ("here's half of my number: 622 48", "did the box arrive in the end, by the way?", "1 359"),
    ),
    "number, words before the digits": (
        "contact.phone",
        ("primero 612", "después 489", "y al final 037"),
    ),
    "number, Belgian": ("contact.phone", ("je suis au 0478/61.29.44",)),
    "number, Italian with dots": ("contact.phone", ("lab 051.62.38.714",)),
    "number, Russian with dots": ("contact.phone", ("голосом, 8.985.204.66.31",)),
    "number, Australian": ("contact.phone", ("she is on 1300 975 707 till six",)),
    "number, Indian in two messages": ("contact.phone", ("98765", "55102")),
    "number, hardly more said": ("contact.phone", ("paulie 2485550173",)),
    "number, a time behind it": ("contact.phone", ("mi chiami al 347 8126630 dopo le sei",)),
    "number, to call, of a delivery": (
        "contact.phone",
        ("wenn was mit der Lieferung ist, 0660 4419273 anrufen",),
    ),
    "number, just in case": ("contact.phone", ("in case this dies 917 555", "0114")),
    "number, a line": ("contact.phone", ("our biz line 0800-555-0107",)),
    "number, words that rise": (
        "contact.phone",
        ("plus three three six, twelve, thirty four, fifty six, seventy eight",),
    ),
    "number, round words": (
        "contact.phone",
        ("seiscientos veinte, luego trescientos diez, y acaba en novecientos cuarenta",),
    ),
    "number, uneven pieces": ("contact.phone", ("248", "555", "0", "1", "03")),
    "number, piece after piece": ("contact.phone", ("inizio: 335", "poi 70", "poi 41", "poi 882")),
    "number, Spanish twenties": (
        "contact.phone",
        ("nueve cuatro tres, veintiocho, cero seis, once",),
    ),
    "number, zeros counted": (
        "contact.phone",
        ("siete uno uno, dos ceros, cuarenta y tres, diecinueve",),
    ),
    "address, any end": ("contact.email", ("keys at mossgolem dot games",)),
    "address, any end in brackets": ("contact.email", ("mike [ at ] acme [ dot ] live",)),
    "address, a comma for the dot": ("contact.email", ("anna@annaframes,studio",)),
    "address, ends as a file": ("contact.email", ("sam@acmewolf.ai pays",)),
    "name, on X": ("contact.handle", ("mi x es @annadibuja",)),
    "name, on Kik": ("contact.handle", ("Kik: annafilms",)),
    "link, hyphen in the host": ("contact.link", ("https://ko-fi.com/annadraws pay there",)),
    "link, to book": ("contact.link", ("contrattualizziamo da acmefoto.it/preventivo",)),
    "link, to write there": ("contact.link", ("acmeboy.nz pls write thru there",)),
    "network, by its sign": ("contact.messenger", ("синий самолётик, ник как здесь",)),
    "network, by its colour": ("contact.messenger", ("add me on the yellow ghost thing",)),
    "IBAN, with a slip of the pen": ("contact.bank", ("ES12 0049 1500 0512 3456 7892",)),
    "address, glued": ("contact.email", ("anna.kÄTgmxPUNKTnet",)),
    "address, between stars": ("contact.email", ("anna-k*at*mail*ru",)),
    "address, in quotes": ("contact.email", ('"anna" dot "k" at "icloud" dot "com"',)),
    "address, what stands behind the sign": (
        "contact.email",
        ("nach dem ät kommt bergluft, die domain",),
    ),
    "name, with its number": ("contact.handle", ("add annafilms#0923, most evenings",)),
    "name, asked to write to": ("contact.handle", ("dm @annafilms on X",)),
    "name, letter by letter": ("contact.handle", ("ig: a.n.n.a.k.o",)),
    "name, pointed at": ("contact.handle", ("ig 👉 annafilms",)),
    "name, to be found as": ("contact.handle", ("me puedes encontrar en la red como anna_k",)),
    "name, network in another message": ("contact.handle", ("insta", "gram", "@anna.k")),
    "name, sign said": ("contact.handle", ("at anna underscore k on the gram",)),
    "network, a sign in it": ("contact.handle", ("snapch@t is where it is shown",)),
    "network, letter by letter": ("contact.handle", ("i n s t a, you know",)),
    "service for paying, a sign in it": ("contact.handle", ("p@ypal is quicker",)),
    "link, dots and strokes said": ("contact.link", ("linktr dot ee slash annafilms",)),
    "link, in brackets": ("contact.link", ("t (dot) me (slash) annafilms",)),
    "link, any end in brackets": ("contact.link", ("annafit(.)coach",)),
    "link, a space before the dot": ("contact.link", ("it is on annafilms . com",)),
    "link, a comma for the dot": ("contact.link", ("t,me/annafilms",)),
    "link, to be registered at": ("contact.link", ("please register at www.acme-desk.com",)),
    "number, Spanish with dots": ("contact.phone", ("fijo 944.81.36.07",)),
    "number, dots digit by digit in pieces": ("contact.phone", ("6.4.1.8", "0.7.3.5", "2.9")),
    "number, one digit, then more at once": ("contact.phone", ("4", "1", "5", "5550", "163")),
    "number, a letter for each zero": ("contact.phone", ("o 7 4 o o 8 o o 1 o 6",)),
    "number, said where it starts": (
        "contact.phone",
        ("empieza por 61", "sigue con 4480", "jeje espera", "2739"),
    ),
    "number, many words between": (
        "contact.phone",
        ("My number starts with 415", "555 comes next", "and finish with 0142"),
    ),
    "number, its area last": ("contact.phone", ("555", "0164", "area code 415")),
    "number, a zero in front": ("contact.phone", ("1️⃣7️⃣1️⃣ mit Null davor, dann 4️⃣4️⃣8️⃣2️⃣9️⃣0️⃣",)),
    "number, words misspelt": (
        "contact.phone",
        ("nul eins siben eins fier drei noin zwo acht null",),
    ),
    "number, a mobile's after a sentence": ("contact.phone", ("Mejor así. 644207318.",)),
    "wallet, its first part": ("contact.bank", ("mi wallet es 0x7be41c09d2", "A83f117c02E5")),
    "address, spaces for dots": ("contact.email", ("anna at mossframes co uk",)),
    "address, its name a shop's mailbox": (
        "contact.email",
        ("the mailbox is gm at acmehotel.com",),
    ),
    "address, some sign for at": ("contact.email", ("anna🌀acmefilm.de, der Wirbel ist das At",)),
    "address, degrees": ("contact.email", ("info ° acme ° de, der Kreis ist das At",)),
    "address, then at": ("contact.email", ('"anna", then at, then "acme", then dot, then "film"',)),
    "address, by names": ("contact.email", ("it is first name dot last name, our domain",)),
    "name, of several words": ("contact.handle", ("look for anna_the_potter on kik",)),
    "name, I am there as": ("contact.handle", ("im on line as annapots77",)),
    "name, asked to write to behind": ("contact.handle", ("mine is @anna.k, u can dm",)),
    "name, how it starts": ("contact.handle", ("my insta", "it starts with annak", "ends in _art")),
    "name, my sign": ("contact.handle", ("mi arroba es fácil",)),
    "network, a person on it": ("contact.social", ("Schreiben Sie Anna Kern auf LinkedIn an",)),
    "network, a button on it": ("contact.social", ("type Anna on Facebook and press Message",)),
    "network, a cross for its letter": ("contact.handle", ("ins†a is easier",)),
    "network, a ring for its letter": ("contact.messenger_named", ("on disc⭕rd, maybe",)),
    "network, a line for its letter": ("contact.messenger_named", ("te|egram is fine",)),
    "network, what it shows": ("contact.messenger_named", ("that app w the white plane on it",)),
    "link, page to be written through": ("contact.link", ("www.acmestudyo.com üzerinden yazın",)),
    "link, to book by a service": ("contact.link", ("slots: annaposes.as.me",)),
    "link, in a list of maps": (
        "contact.request",
        ("look Acme up on maps and call the number there",),
    ),
}


@pytest.mark.parametrize(("rule", "messages"), FOUND.values(), ids=FOUND.keys())
def test_what_is_disguised_is_found(rule: str, messages: tuple[str, ...]) -> None:
    """By the rule that masks it."""
    assert rule in found(messages)


INNOCENT: dict[str, str] = {
    "sizes": "Banner is 2560×1440, safe area in the middle is 1546×423, phones cut the rest",
    "dates in a row": "They come out on 01/12, 08/12, 15/12 and 22/12",
    "repetitions": "sets: 12 10 8 8 6 6 4, then 20 push ups, then 15, then 10",
    "counting again and again": "and the number is 1 2 3 4 1 2 3 4, clap on each",
    "what music does": "the underscore swells at the end, dm me here",
    "receipt": "nota fiscal 35190 4471 22",
    "parcel's number in groups": "Tracking number is 1Z 999 AA1 01 2345 6784",
    "parcel's number without a word": "Royal Mail 7H29 0034 1185 5062, signed for",
    "parcel's number between letters": "My postal tracking from PhilPost is RR 917 555 018 PH",
    "serial number, far from its word": "serial on the back of the mic is 0093 4471 2206",
    "two orders": "I got 2 orders from you, number 83310274 and number 83310391",
    "order, and what looks like a country": "El número de pedido es 4915112345678",
    "seed of a world": "the seed is 8678942899319966093 if you wanna see it",
    "keycaps that number": "1️⃣ hook 2️⃣ demo 3️⃣ end",
    "digits in circles that count": "①②③④⑤⑥⑦⑧ are the steps",
    "part number": "part no. 04465-33471, front pads",
    "counting in tens and ones": "Count: twenty-one, twenty-two, twenty-three, and so on",
    "scenes with a zero": "Zero um, zero dois e zero três são as cenas do galpão",
    "hundreds": "Deux cent vingt-quatre tasses en stock",
    "serial number on a plate": "Seriennummer auf dem Typenschild: 88 1204 5567",
    "house and postal code": "Avenida Almirante Reis 112, 1150-023 Lisboa",
    "numbers drawn": "Die Losnummern 017, 0234 und 1190 haben gewonnen",
    "register's number": "MLS 2419008731, four bed two bath",
    "times without a colon": "call time between 0730 and 0800",
    "postal codes": "Area served: 43017, 43065 and 43235, list them under the map.",
    "part's number": "Part no. 5304-475-102 is the hinge, show it close up.",
    "colour": "rgba(0, 122, 255, 0.85) looks too cold on the cards.",
    "prices by number": "un reel 250, dos 430, tres 600, todo por este pedido",
    "serial number, in Polish": "numer seryjny roweru WTU 512 774 093 G",
    "network, and no name": "for TikTok, vertical",
    "names to be tagged": "TikTok timelapse, tag @annawraps and @acmeworld",
    "code said on a network": "En el TikTok hay que decir el código LUCIA20",
    "pattern of dots": "looking at polka dot dresses",
    "file of a drawing": "it is logo@2x.ai",
    "size of a file": "the file is e1000 or y2k",
    "code for a shop": "use promo WINTER20 at acme.com for 20% off",
    "shop in a campaign": "End card should read: shop the drop at fernandfable.com",
    "shop to be visited": "visit us at acme.de for more",
    "post in Spanish": "Vi el posteo de ayer, buenísimo",
    "letters apart": "G R O S S A R T I G",
    "third of so many": "no. 0051 of 700, it is on the tag",
    "shop, after a sentence": 'Caption: "No excuses. Shop at acmepeak.com with ANNA10"',
    "word of a film, beside an app": "Das Erklärvideo für Teams ist fertig",
    "packages by number": "60 4 1, 100 4 2, ok?",
    "sum of a file": "checksum 0x7be41c09d2 is right",
    "post in Spanish on a network": "La marca lo exige en el posteo de ig",
    "plane, drawn": "a ✈ for the map, please",
    "scores": "three nil, three one, three two, three all",
    "ages": "her ages by scene are eight, sixteen, thirty and seventy five",
    "ages of two": "dad fifty one, son twenty two, same jacket",
    "digits that rise": "fibonacci one one two three five eight for the shell shot",
    "amounts that fall": "for the bread: five hundred, three fifty, ten, two. flour water salt",
    "octaves": "freq 440, then 880, then 1760, you hear the sweep",
    "files by number": "DSC 0091, 0094, 0102, the rest is blinky",
    "meters' figures": "Die Zähler stehen auf 004417 und 004592, Differenz 175 kWh.",
    "counting from eight": "squats: eight nine ten, rest, eight nine ten",
    "bingo": "bingo! B sieben, G einundfünfzig, O neunundsechzig",
    "year in one word": "Sprecher sagt 'neunzehnhundertvierundachtzig', am Stück bitte",
    "year after a thousand": "mil novecientos ochenta y dos, dilo del tirón",
    "weights": "peso del pan: 500 515 490",
    "sums": "dos por dos cuatro, dos por tres seis, voz de niño",
    "measures of a body": "noventa sesenta noventa no, por favor, cámbialo",
    "card of a recipe": "recipe card: 250 125 60",
    "card of a golfer": "golf card 4 5 3 4 4 6 5 3 4 for the front nine",
    "tablature": "tab for the riff 0 3 5 0 3 6 5 0 3 5 3 0",
    "net of a goal": "the net behind the goal is torn, do we hide it?",
}


@pytest.mark.parametrize("text", INNOCENT.values(), ids=INNOCENT.keys())
def test_what_only_looks_so_is_left_alone(text: str) -> None:
    """Numbers most of all: a market is full of them."""
    assert found((text,)) == set()
