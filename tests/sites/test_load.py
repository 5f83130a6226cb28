import gzip
import signal
import subprocess
import sys

import pytest
from site_data import GRAPHS, TURTLE, make_people

from hereditary_kg.sites import LoadError, Site, SiteBusyError, SiteError

NT = '<http://x/a> <http://x/p> "1" .\n'
FORMATS = {
    "a.ttl": "@prefix : <http://x/> . :a :p '1' .",
    "a.nt": NT,
    "a.nq": NT,
    "a.trig": "{ <http://x/a> <http://x/p> '1' }",
    "a.rdf": """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:x="http://x/">
        <rdf:Description rdf:about="http://x/a"><x:p>1</x:p></rdf:Description></rdf:RDF>""",
    "a.jsonld": '{"@id": "http://x/a", "http://x/p": "1"}',
}


def contents(site: Site) -> set[str]:
    with Site.open(site.directory) as reader:
        return {str(quad) for quad in reader.open_store()}


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("name", FORMATS)
def test_every_format_loads(site, write, name, compressed):
    content = FORMATS[name].encode()
    path = write(name + ".gz", gzip.compress(content)) if compressed else write(name, content)
    report = site.load([path])
    assert contents(site) == {'<http://x/a> <http://x/p> "1"'}
    assert (report.added, report.total, report.stamp) == (1, 1, site.stamp())


def test_loads_add_up_and_are_logged(site, write):
    first, second = write("a.nt", NT), write("b.nq", GRAPHS)
    site.load([first])
    report = site.load([first, second])
    assert (report.added, report.total) == (3, 4)
    log = Site.open(site.directory).loads()
    assert [[file.name for file in record.files] for record in log] == [["a.nt"], ["a.nt", "b.nq"]]
    assert [file.triples for file in log[1].files] == [1, 3]


def test_the_stamp_follows_the_data(tmp_path, write):
    first, second = write("a.nt", NT), write("b.nq", GRAPHS)
    sites = [Site.create(tmp_path / f"s{n}", name="s", base_iri="http://s/") for n in range(3)]
    assert len({site.stamp() for site in sites}) == 1
    empty = sites[0].stamp()
    for site, files in zip(sites, ([first, second], [first, second], [first]), strict=True):
        site.load(files)
    assert sites[0].stamp() == sites[1].stamp()
    assert len({empty, sites[0].stamp(), sites[2].stamp()}) == 3


def test_blank_nodes_become_iris_of_the_site(site, write):
    path = write("a.ttl", TURTLE)
    site.load([path])
    once = contents(site)
    assert not any("_:" in quad for quad in once)
    found = [quad for quad in once if "/.well-known/genid/" in quad]
    assert len(found) == 2
    assert all("<https://clinic.example.org/.well-known/genid/" in quad for quad in found)
    assert site.load([path]).added == 0
    assert contents(site) == once


def test_equal_labels_in_two_files_are_two_nodes(site, write):
    files = [write("a.nt", '_:x <http://x/p> "1" .\n'), write("b.nt", '_:x <http://x/p> "2" .\n')]
    site.load(files)
    assert len({quad.split()[0] for quad in contents(site)}) == 2


def test_blank_nodes_stay_when_told_so(site, write):
    files = [write("a.nt", '_:x <http://x/p> "1" .\n'), write("b.nt", '_:x <http://x/p> "2" .\n')]
    site.load(files, skolemise=False)
    subjects = {quad.split()[0] for quad in contents(site)}
    assert len(subjects) == 2
    assert all(subject.startswith("_:") for subject in subjects)


def test_graph_names_are_skolemised_too(site, write):
    site.load([write("a.nq", "<http://x/a> <http://x/p> <http://x/o> _:g .\n")])
    assert "_:" not in "".join(contents(site))


@pytest.mark.parametrize(
    ("name", "content", "line", "column", "reason"),
    [
        ("b.nt", NT + '<http://x/a> <http://x/p> "x\n', 2, 27, ""),
        ("b.ttl", "@prefix : <http://x/> .\n:a :p y:b .\n", 2, 7, "prefix"),
        ("b.ttl", ":a :p :b .\n", 1, 1, "prefix"),
        ("b.ttl", "<http://x/a> <p> 1 .", 1, 14, "declare a base"),
        ("b.nq", "<http://x/a> <http://x/p> .\n", 1, 27, ""),
        ("b.rdf", "<a>\n<b></a>", 2, 6, "mismatched tag"),
        ("b.rdf", FORMATS["a.rdf"][:-20], 2, None, "not well-formed"),
        ("b.rdf", FORMATS["a.rdf"].replace("http://x/a", "http://x y/a"), 2, None, "IRI"),
        ("b.jsonld", '{"@id": "http://x/a",\n "http://x/p": ', 2, 16, ""),
        ("b.jsonld", '{\n"@context": "http://x/context", "@id": "http://x/a"}', 2, 1, "fetches"),
        ("b.ttl", b"<http://x/a> <http://x/p> 'a\xff' .", 1, None, "UTF-8"),
    ],
)
def test_a_broken_file_is_refused_with_its_place(site, write, name, content, line, column, reason):
    good, bad = write("good.nt", NT), write(name, content)
    site.load([good])
    before, stamp = contents(site), site.stamp()
    with pytest.raises(LoadError) as caught:
        site.load([write("more.nq", GRAPHS), bad])
    error = caught.value
    assert error.path == bad
    assert error.line == line
    if column is not None:
        assert error.column == column
    assert reason in error.reason
    assert (contents(site), site.stamp()) == (before, stamp)
    assert len(list((site.directory / "store").iterdir())) == 1


def test_the_place_is_shown_with_a_caret(site, write):
    path = write("b.ttl", "@prefix : <http://x/> .\n\t:a :p y:b .\n")
    with pytest.raises(LoadError) as caught:
        site.load([path])
    assert caught.value.excerpt == "   :a :p y:b .\n" + "         ^"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", NT, "extension"),
        ("a.gz", NT, "extension"),
        ("a.nt.gz", NT, "gzip"),
        ("a.nt.gz", gzip.compress(NT.encode() * 100, mtime=0)[:-12], "broken"),
        ("a.ttl", "<http://x/a> <http://x/p> <<( <http://x/a> <http://x/p> 1 )>> .", "RDF 1.2"),
    ],
)
def test_what_cannot_be_loaded_is_refused(site, write, name, content, message):
    with pytest.raises(LoadError, match=message):
        site.load([write(name, content)])
    assert site.loads() == ()


def test_missing_files_and_none_at_all_are_refused(site, tmp_path):
    with pytest.raises(LoadError, match="no such file"):
        site.load([tmp_path / "missing.ttl"])
    with pytest.raises(LoadError, match="is no file"):
        site.load([tmp_path])
    with pytest.raises(SiteError, match="nothing to load"):
        site.load([])


def test_progress_ends_at_the_whole(site, write):
    reports = []
    files = [write("a.nt", make_people(20_000)), write("b.nt.gz", gzip.compress(NT.encode()))]
    site.load(files, progress=lambda done, total, label: reports.append((done, total, label)))
    size = sum(file.stat().st_size for file in files)
    assert reports[-1] == (size, size, "b.nt.gz")
    assert all(total == size for _, total, _ in reports)
    assert [done for done, _, _ in reports] == sorted(done for done, _, _ in reports)
    assert len(reports) > 4


def test_a_site_that_is_read_is_not_changed(site, write):
    path = write("a.nt", NT)
    site.load([path])
    reader = Site.open(site.directory)
    reader.open_store()
    with pytest.raises(SiteBusyError, match="stop the service"):
        site.load([path])
    reader.close()
    site.load([path])


def test_a_kill_in_mid_load_leaves_the_old_data(site, write):
    site.load([write("a.nt", NT)])
    before, stamp = contents(site), site.stamp()
    big = write("big.nt", make_people(60_000))
    script = (
        "import sys; from hereditary_kg.sites import Site\n"
        "Site.open(sys.argv[1]).load([sys.argv[2]],\n"
        "    progress=lambda done, total, label: print(done, flush=True))"
    )
    for reports in (1, 4, 8):
        process = subprocess.Popen(
            [sys.executable, "-c", script, str(site.directory), str(big)], stdout=subprocess.PIPE
        )
        for _ in range(reports):
            assert process.stdout.readline()
        process.kill()
        process.wait()
        process.stdout.close()
        assert process.returncode == -signal.SIGKILL
        assert (contents(site), site.stamp()) == (before, stamp)
    assert site.load([big]).added == 180_000


def test_a_broken_log_or_a_missing_store_is_an_error_with_advice(site, write):
    site.load([write("a.nt", NT)])
    log = site.directory / "loads.jsonl"
    text = log.read_text()
    log.write_text("nonsense\n")
    with pytest.raises(SiteError, match=r"loads\.jsonl:1"):
        site.stamp()
    log.write_text(text)
    (site.directory / "store").rename(site.directory / "elsewhere")
    with pytest.raises(SiteError, match="store is missing"):
        site.open_store()


def test_an_unreadable_store_is_an_error_with_advice(site, write):
    site.load([write("a.nt", NT)])
    (generation,) = (site.directory / "store").iterdir()
    (generation / "CURRENT").write_text("garbage\n")
    with pytest.raises(SiteError, match="cannot be opened"):
        site.open_store()
