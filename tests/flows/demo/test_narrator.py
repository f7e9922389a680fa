"""The narrator says what took a while, how much it was, and passes every call on to the bar."""

from t2c.flows.demo.narrator import WORTH_SAYING_S, Narrator


class Recorder:
    def __init__(self):
        self.calls = []

    def start(self, name, total, unit):
        self.calls.append(("start", name, total, unit))

    def advance(self, n):
        self.calls.append(("advance", n))

    def note(self, **counts):
        self.calls.append(("note", counts))

    def done(self):
        self.calls.append(("done",))


def test_a_stretch_of_work_is_one_line_with_its_amount(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    lines, bar = [], Recorder()
    narrator = Narrator(lines.append, bar=bar)
    narrator.start("extract photos", 10, "images")
    narrator.advance(6)
    narrator.note(ok=6)
    narrator.advance(4)
    now[0] = 5.0
    narrator.done()
    assert lines == ["    5.0 s  extract photos                           10 images      2/s"]
    assert bar.calls[0] == ("start", "extract photos", 10, "images")
    assert bar.calls[-1] == ("done",)
    assert narrator.elapsed == 5.0


def test_short_stretches_pass_without_a_line(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    lines = []
    narrator = Narrator(lines.append)
    narrator.start("classify", 3, "images")
    now[0] = WORTH_SAYING_S / 2
    narrator.done()
    assert lines == []
