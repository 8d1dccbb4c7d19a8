"""The checklist *what to distrust in a skin-lesion paper*: one question a lesson, with its chapter.

The questions are written here, one for each lesson of ``book/reported.yaml``; where each is shown
is read from the chapters' headers.
"""

from collections.abc import Mapping

from dermbook.errors import DataError
from dermbook.publishing.header import Header
from dermbook.publishing.reported import load_reported

#: (heading, lessons in the order in which one reads a paper)
SECTIONS = (
    ("The images", ("M16", "M3", "M2", "M9")),
    ("The inputs", ("M4", "M11", "M14", "M15", "M17")),
    ("The training", ("M5", "M7", "M8")),
    ("The numbers", ("M1", "M6", "M10", "M12", "M13")),
)
#: lesson: (what to ask of a paper, why)
QUESTIONS = {
    "M1": (
        "Is the accuracy of the confusion matrix the accuracy in the text?",
        "If labels and predictions are in different orders, the matrix is at chance while the "
        "model is not.",
    ),
    "M2": (
        "Do the images of all parts add up to no more than there are, with none in two parts?",
        "Parts drawn one after the other from one pool overlap, and the test repeats training.",
    ),
    "M3": (
        "Were photographs of one lesion, or of one patient, kept in one part?",
        "Otherwise the test asks whether a lesion is recognised again, and not what it is.",
    ),
    "M4": (
        "Is a test image prepared in the same way as a training image?",
        "Another scale or order of colours makes a good network look broken; a huge test loss is "
        "the sign.",
    ),
    "M5": (
        "When did the learning rate fall, and was the score then at a standstill?",
        "A schedule told to minimise a score that should grow punishes every improvement.",
    ),
    "M6": (
        "Precision, recall or F1 of what: which class, which average, over images or batches?",
        "Macro, micro and single-class values differ by tens of points under one name; micro F1 is "
        "plain accuracy.",
    ),
    "M7": (
        "Which epoch was tested, and was it chosen before looking at the test part?",
        "If the best weights are saved and the last ones tested, the figure is of another model.",
    ),
    "M8": (
        "Was anything chosen on the images that the result is stated for?",
        "The best of many looks at a test part is high by luck: epochs, thresholds, members, "
        "weights.",
    ),
    "M9": (
        "Was augmentation done after the split, and on the training part only?",
        "Copies made before the split land on both sides. A test part with another share of "
        "classes than the data is a sign.",
    ),
    "M10": (
        "Do the figures follow from the counts that are given?",
        "Recompute precision, recall and specificity: rows and columns are easily exchanged.",
    ),
    "M11": (
        "Does any transform depend on the class, and does it touch validation or test?",
        "Then the trace of the transform tells the answer. A class recognised all too well, or "
        "validation far above training, is a sign.",
    ),
    "M12": (
        "How many test images has the rarest class, and is there an interval?",
        "Six right of eleven may be a quarter or three quarters. Two models need a paired test.",
    ),
    "M13": (
        "Is Dice or IoU a mean over images, or of all pixels pooled?",
        "The two differ, and large lesions decide the pooled one. IoU = D / (2 − D) gives pooled "
        "figures away.",
    ),
    "M14": (
        "Could a column among the inputs have been made from the label?",
        "Coarser labels, biopsy marks and file names carry the answer with them.",
    ),
    "M15": (
        "How were the rows of two models or tables brought together?",
        "Joined by position after a shuffle, they belong to different images, and a stack falls to "
        "chance.",
    ),
    "M16": (
        "Who checked the labels, how many of them, and does the source tell the diagnosis?",
        "A quality column that covers few rows, duplicates, and a site that goes with a class are "
        "easily taken for medicine.",
    ),
    "M17": (
        "Were means, fillings and scalings computed from the training part alone?",
        "What is computed from all rows carries the test part into training. Often that costs "
        "little; the habit costs more.",
    ),
}


def checklist(headers: Mapping[str, Header]) -> str:
    """The checklist as MyST: sections of tick boxes, each a question, why, and where it is shown.

    Links are relative to ``book/appendix/``. A lesson that no chapter declares yet says so.

    Raises DataError when lessons of ``book/reported.yaml`` and questions here do not agree.
    """
    lessons = load_reported().teachings
    ordered = [name for _, names in SECTIONS for name in names]
    if (
        set(ordered) != set(lessons)
        or set(QUESTIONS) != set(lessons)
        or len(ordered) != len(lessons)
    ):
        odd = sorted(set(lessons) ^ set(ordered) | set(lessons) ^ set(QUESTIONS))
        raise DataError(f"The checklist and the lessons of reported.yaml differ: {', '.join(odd)}.")
    lines = []
    for title, names in SECTIONS:
        lines += [f"## {title}", "", ":::{div} checklist", ""]
        for name in names:
            question, why = QUESTIONS[name]
            lines.append(f"- [ ] **{question}** {why} *{name}:* {_links(name, headers)}")
        lines += ["", ":::", ""]
    return "\n".join(lines)


def _links(lesson: str, headers: Mapping[str, Header]) -> str:
    links = [
        f"[{header.title}](../../notebooks/{header.notebook.name})"
        for header in headers.values()
        if lesson in header.lessons
    ]
    return ", ".join(links) or "no chapter yet"
