"""A study page in a real browser: answered by keys, kept, resumed, saved; what it saves is read back as it was answered."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from t2c.flows.study.design import Study
from t2c.flows.study.make import MakeReport
from t2c.flows.study.read import read
from t2c.flows.study.results import read_result
from t2c.store.disk.root import Store
from tests.chromium import BROWSER, Page, browser

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine: apt-get install chromium")

QUESTION = "!document.getElementById('question').hidden"
END = "!document.getElementById('end').hidden"


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    folder = tmp_path_factory.mktemp("browser")
    with browser(folder) as page:
        page.downloads = folder / "downloads"
        yield page


@pytest.fixture
def page(tab: Page, made: MakeReport) -> Page:
    """The first annotator's page, opened for the first time."""
    tab.problems.clear()
    tab.open(Path(made.pages[0]))
    tab.run("localStorage.clear()")
    tab.open(Path(made.pages[0]))
    return tab


def number(page: Page) -> str:
    return page.run("document.getElementById('number').textContent")


def begin(page: Page) -> None:
    page.run("document.getElementById('begin').click()")
    page.until(QUESTION)


def answer(page: Page, key: str) -> None:
    before = number(page)
    page.press(key)
    page.until(f"document.getElementById('number').textContent !== '{before}' || {END}")


def test_the_first_view_explains_and_waits(page: Page) -> None:
    assert page.run("document.activeElement.id") == "begin"
    assert page.run("document.getElementById('count').textContent") == "0 of 10 answered"
    assert page.run("document.querySelector('.meaning').innerText").count("\n") >= 3
    assert page.problems == []


def test_keys_answer_go_back_and_go_on(page: Page, study: Study) -> None:
    begin(page)
    first = study.by_id[study.pages["annotator-1"][0]]
    assert page.run("document.getElementById('heading').innerText") == (
        f"Does the word {first.word} describe the main object in the pictures?"
    )
    assert page.run("[...document.querySelectorAll('#collage img')].filter(one => one.naturalWidth > 0).length") == 6
    assert page.run("document.getElementById('forward').disabled && document.getElementById('back').disabled")
    answer(page, "3")
    assert number(page) == "Word 2 of 10"
    page.press("ArrowLeft")
    assert number(page) == "Word 1 of 10"
    assert page.run("document.querySelector('[aria-pressed=true]').dataset.answer") == "3"
    answer(page, "2")
    page.press("Backspace")
    assert page.run("document.querySelector('[aria-pressed=true]').dataset.answer") == "2"
    page.press("ArrowRight")
    assert number(page) == "Word 2 of 10"
    page.press("ArrowRight")
    page.press("5")
    assert number(page) == "Word 2 of 10"
    assert page.run("document.getElementById('progress').value") == 1
    assert page.problems == []


def test_a_page_goes_on_where_it_stopped(page: Page, made: MakeReport) -> None:
    begin(page)
    for key in "123":
        answer(page, key)
    for _ in range(20):  # the browser writes down what a page kept a moment after the page was left
        page.open(Path(made.pages[0]))
        if welcome := page.run("document.getElementById('welcome').textContent"):
            break
        time.sleep(0.1)
    assert welcome == "Welcome back: 3 of 10 are answered already."
    begin(page)
    assert number(page) == "Word 4 of 10"
    page.open(Path(made.pages[1]))
    assert page.run("document.getElementById('count').textContent") == "0 of 10 answered"


def test_a_damaged_memory_begins_anew(page: Page, made: MakeReport, study: Study) -> None:
    for kept in ("{broken", "null", '{"answers": {"strange": 1}, "seconds": {}, "index": 99}', '{"answers": 3}'):
        page.run(f"localStorage.setItem('t2c-study:{study.digest}:annotator-1', {json.dumps(kept)})")
        page.open(Path(made.pages[0]))
        assert page.run("document.getElementById('count').textContent") == "0 of 10 answered"
        begin(page)
    assert page.problems == []


def test_what_the_page_saves_is_read_as_it_was_answered(
    page: Page, study: Study, birds: Store, made: MakeReport
) -> None:
    given = {}
    begin(page)
    for place, item in enumerate(study.pages["annotator-1"]):
        given[item] = place % 4 + 1
        answer(page, str(given[item]))
    assert page.run("document.activeElement.id") == "done"
    page.run("document.getElementById('save').click()")
    path = page.downloads / f"annotator-1-{study.digest[:12]}.json"
    end = time.monotonic() + 20
    while not path.exists() and time.monotonic() < end:
        time.sleep(0.05)
    result = read_result(path, study)
    assert result.answers == given
    assert all(0 <= seconds < 20 for seconds in result.seconds.values())
    assert page.run("document.getElementById('text').value") == path.read_text()
    assert read(birds, [path], key=Path(made.key)).waiting == ("annotator-2",)
    path.unlink()
    assert page.problems == []


def test_answers_can_be_changed_before_they_are_saved(page: Page, study: Study) -> None:
    begin(page)
    for _ in range(10):
        answer(page, "1")
    page.press("ArrowLeft")
    page.until(QUESTION)
    assert number(page) == "Word 10 of 10"
    answer(page, "4")
    saved = json.loads(page.run("document.getElementById('text').value"))
    assert saved["answers"][study.pages["annotator-1"][-1]] == 4


def test_the_mouse_works_too(page: Page) -> None:
    begin(page)
    page.run("document.querySelector('[data-answer=\"4\"]').click()")
    page.until("document.getElementById('number').textContent === 'Word 2 of 10'")


def test_a_browser_without_memory_says_so(page: Page, made: MakeReport) -> None:
    deny = (
        "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError'); } });"
    )
    script = page.call("Page.addScriptToEvaluateOnNewDocument", source=deny)["identifier"]
    page.open(Path(made.pages[0]))
    assert not page.run("document.getElementById('unkept').hidden")
    begin(page)
    answer(page, "1")
    assert number(page) == "Word 2 of 10"
    page.call("Page.removeScriptToEvaluateOnNewDocument", identifier=script)


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_window(page: Page, made: MakeReport, width: int) -> None:
    page.open(Path(made.pages[0]), width=width, height=844)
    for step in (begin, lambda one: [answer(one, "1") for _ in range(10)]):
        assert page.run("document.documentElement.scrollWidth") <= width
        step(page)
    assert page.run("document.documentElement.scrollWidth") <= width


def test_only_the_pages_own_script_runs(page: Page, made: MakeReport, tmp_path: Path) -> None:
    text = Path(made.pages[0]).read_text().replace("</body>", "<script>document.title = 'ran'</script></body>")
    (tmp_path / "changed.html").write_text(text)
    page.open(tmp_path / "changed.html")
    assert page.run("document.title") != "ran"
    assert any("Content Security Policy" in problem for problem in page.problems)
