"""Data that the tests of sites load."""

TURTLE = """\
@prefix ex: <http://example.org/> .
@prefix foaf: <http://xmlns.com/foaf/0.1/> .
ex:alice a foaf:Person ; foaf:name "Alice" ; foaf:age 42 ; foaf:knows ex:bob, ex:carol .
ex:bob a foaf:Person ; foaf:name "Bob"@en ; foaf:knows [ foaf:name "Somebody" ] .
ex:carol a foaf:Person ; foaf:name "Carol \\"C\\" Ünïcode\\n" .
"""

GRAPHS = """\
<http://example.org/a> <http://example.org/p> "1" <http://example.org/g1> .
<http://example.org/b> <http://example.org/p> "2" <http://example.org/g1> .
<http://example.org/a> <http://example.org/p> "3" <http://example.org/g2> .
"""


def make_people(count: int) -> str:
    """N-Triples of persons, each with a type, a number and a friend."""
    rows = []
    for n in range(count):
        person = f"<http://example.org/person/{n}>"
        rows.append(
            f"{person} <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <http://example.org/P> .\n"
            f'{person} <http://example.org/n> "{n}" .\n'
            f"{person} <http://example.org/f> <http://example.org/person/{n * 7 % count}> .\n"
        )
    return "".join(rows)
