"""Texts with their expected results, which are the same on the server and on the page. Both are tested with these."""

from chat.protocol.fields import MemberId

ANN, LEE, MING, PR, PRIYA, MAE, MAEM, JOSE, JOSE_ACCENT, JANG, TARO = (MemberId(letter * 8) for letter in "abcdefghijk")
NAMES = {
    "Ann": ANN,
    "Ann Lee": LEE,
    "小明": MING,
    "प्र": PR,
    "प्रिया": PRIYA,
    "แม": MAE,
    "แม่": MAEM,
    "Jose": JOSE,
    "José": JOSE_ACCENT,
    "장그래": JANG,
    "太郎": TARO,
}
# What is written, and who of NAMES is mentioned.
MENTIONED = [
    ("@Ann Lee", [LEE]),
    ("@Ann\u00a0Lee", [LEE]),
    ("@Ann  Lee", [LEE]),
    ("@Ann\nLee", [ANN]),
    ("@ann", [ANN]),
    ("@Annabel", []),
    ("ann@Ann", []),
    ("@@Ann", []),
    ("各位@小明 看看", [MING]),
    ("@小明看看", [MING]),
    ("\uff20太郎さん", [TARO]),
    ("@장그래님", [JANG]),
    ("@प्रिया", [PRIYA]),
    ("@प्र", [PR]),
    ("@แม่", [MAEM]),
    ("@แม", [MAE]),
    ("@Jose\u0301", [JOSE_ACCENT]),
    ("@JOSÉ", [JOSE_ACCENT]),
    ("@jose", [JOSE]),
    ("@Annさん", [ANN]),
    ("日本@Ann", [ANN]),
]
CLEANED = [
    ("a\0b\x07", "ab"),
    ("one\x0btwo\r\nthree\rfour\x0cfive", "one\ntwo\nthree\nfour\nfive"),
    ("a\u2028b\u2029c\x85d", "a\nb\nc\nd"),
    ("tab\tand \u200d joiner", "tab\tand \u200d joiner"),
    ("\x7f\x80x", "x"),
    ("👍🏽", "👍🏽"),
]
