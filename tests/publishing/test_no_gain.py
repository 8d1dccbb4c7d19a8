"""When "no gain" is confirmed."""

import pytest

from dermbook.publishing.no_gain import no_gain, passed_over


def test_the_margin_is_the_rise_that_r0_printed_and_called_none():
    # R0, tables 1 and 4: EfficientNetB3 without and with class weights, macro F1
    assert passed_over() == pytest.approx(0.343 - 0.321)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.01, 0.2, "not confirmed"),
        (0.001, 0.01, "not confirmed"),
        (-0.2, 0.021, "confirmed"),
        (-0.2, -0.1, "confirmed"),
        (-0.01, 0.3, "cannot be compared"),
        (-0.01, 0.0225, "cannot be compared"),
    ],
)
def test_no_gain_needs_a_narrow_interval(low, high, verdict):
    assert no_gain(low, high)[0] == verdict
