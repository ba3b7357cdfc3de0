"""What was decided in this room, as literals: its constants, and what need not be given."""

from tests.decisions import constants, defaults


def test_constants():
    found = constants("reports")
    assert (found["build._PATIENCE"], found["pages._REFRESH"]) == (10.0, 10)


def test_defaults():
    assert defaults("reports") == {
        "build._Build": {"rest_until": 0.0},
        "build.build": {"level": "full", "seed": 0},
        "formats.Column": {"width": 10},
        "formats.number": {"digits": 4},
        "formats.plus_minus": {"digits": 4},
        "pages.html": {"waiting": "", "refresh": False},
        "plotting.level": {"i": "#000000"},
        "plotting.panels": {"rows": 1},
        "plotting.shade": {"span": 1.0},
        "section.Section": {"seconds": (1.0, 5.0)},
        "workers.Event": {"seconds": 0.0},
    }
