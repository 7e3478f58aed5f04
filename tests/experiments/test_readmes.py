"""What READMEs say is what the committed rows say."""

from experiments import readmes


def test_every_table_is_made_from_the_rows():
    tables = 0
    for path in readmes.readmes():
        text = path.read_text(encoding="utf-8")
        tables += len(readmes.GENERATED.findall(text))
        assert readmes.with_tables(text) == text, f"run python -m experiments.readmes for {path}"
    assert tables >= 4
