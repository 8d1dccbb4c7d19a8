"""What the leaderboard shows."""

from dermbook.publishing.compare import plain
from dermbook.publishing.record import Record


def leaderboard(record: Record) -> list[str]:
    """The best of the book and of the reports on the seven-class test, and how they compare."""
    board = record.series_frame("board")
    sentences = []
    for source, whose in (("published", "of the book, published"), ("this run", "of this run")):
        rows = board[
            (board["source"] == source)
            & (board["metric"] == "balanced_accuracy")
            & (board["task"] == "7 classes")
        ]
        if len(rows):
            top = rows.loc[rows["value"].idxmax()]
            sentences.append(
                f"Best {whose}, in seven classes ({top['data']}): `{top['model']}` with a balanced "
                f"accuracy of {plain(top['value'])} ({plain(top['low'])}–{plain(top['high'])}) on "
                f"{top['n']:,.0f} images."
            )
    claims = board[(board["source"] == "reported")]
    sentences.append(
        f"The reports state {len(claims)} overall test scores for "
        f"{claims['model'].nunique()} models, none with an interval and none on a lesion-grouped "
        "split."
    )
    return sentences
