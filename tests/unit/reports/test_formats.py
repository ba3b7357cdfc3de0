"""Tables, placeholders, pages and the style of figures."""

import pytest

pytest.importorskip("matplotlib")

from madtheory.reports import formats, pages, style, text

TABLE = formats.Table(
    [
        formats.Column("name", "name", formats.words, 20),
        formats.Column("$x$", "x", formats.number(3)),
        formats.Column("y", "y", formats.plus_minus(3)),
    ],
    [
        {"name": "50 % of λ_a | b", "x": 1234.5, "y": [0.5, 0.01]},
        {"name": "$a_b$", "x": None, "y": [None, None]},
    ],
)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.123456, "0.123"),
        (-2.0, "−2"),
        (1.5e-7, r"$1.5\cdot 10^{-7}$"),
        (50_000, "50,000"),
        (None, "–"),
        (True, "yes"),
        ("word", "word"),
    ],
)
def test_number(value, shown):
    assert formats.number(3)(value) == shown


def test_markdown_table():
    lines = formats.to_markdown(TABLE).splitlines()
    assert lines[0] == "| name | $x$ | y |"
    assert lines[2] == r"| 50 % of λ_a \| b | $1.23\cdot 10^{3}$ | 0.5 ± 0.01 |"
    assert lines[3] == "| $a_b$ | – | – |"


def test_a_bar_in_a_formula_stays_a_single_one():
    table = formats.Table([formats.Column("x", "x")], [{"x": "a | $|Y - 1|$"}])
    markdown = formats.to_markdown(table)
    assert markdown.splitlines()[2] == r"| a \| $\vert{}Y - 1\vert{}$ |"
    assert "bar.v.double" not in pages.document(markdown, "typst")
    assert "∥" not in pages.html(markdown, {}) and "‖" not in pages.html(markdown, {})  # noqa: PT018
    assert "$|Y - 1|$" in formats.to_latex(table)


def test_latex_table():
    latex = formats.to_latex(TABLE)
    assert r"50 \% of $\lambda$\_a | b & $1.23\cdot 10^{3}$ & 0.5 $\pm$ 0.01 \\" in latex
    assert r"$a_b$ & -- & -- \\" in latex
    assert latex.count(r"\toprule") == latex.count(r"\bottomrule") == 1


def test_csv_keeps_precision():
    assert formats.to_csv(TABLE).splitlines()[0] == "name,x,y"
    assert "1234.5" in formats.to_csv(TABLE)


def test_fill():
    numbers = {"a": {"b": [1.0, 2.34567]}}
    filled = text.fill("{{a.b.1|3}} {{ref:x}} {{a.b.0}}", numbers, {"ref": lambda n: f"<{n}>"})
    assert filled == "2.35 <x> 1"
    with pytest.raises(KeyError):
        text.fill("{{a.c}}", numbers, {})


def test_a_converter_that_is_killed_is_named(monkeypatch):
    def killed(*_, **__):
        raise RuntimeError('Pandoc died with exitcode "-9" during conversion: \n')

    monkeypatch.setattr(pages.pypandoc, "convert_text", killed)
    why = 'the page was not written: Pandoc died with exitcode "-9" during conversion$'
    with pytest.raises(ChildProcessError, match=why):
        pages.html("text", {})


def test_markdown_converts_to_three_pages():
    source = "::: box\nA *box*.\n:::\n\n# Head\n\n$x_t^2$\n"
    html = pages.html(source, {})
    assert '<div class="box">' in html
    assert "<math" in html
    assert "#summarybox[" in pages.document(source, "typst")
    assert r"\begin{summarybox}" in pages.document(source, "latex")


def test_fonts_are_legible_and_files_deterministic():
    with style.styled():
        import matplotlib as mpl

        sizes = [v for k, v in mpl.rcParams.items() if k.endswith(("font.size", "labelsize"))]
        assert min(v for v in sizes if isinstance(v, float | int)) >= 8
        fig = style.figure(1.0)
        fig.subplots().plot([0, 1])
        once = [style.render(fig, suffix) for suffix in ("pdf", "png")]
        assert once == [style.render(fig, suffix) for suffix in ("pdf", "png")]
        assert b"CreationDate" not in once[0]


def test_a_formula_that_ends_with_a_bar_is_typeset():
    # A dollar sign after a space closes no formula: pandoc would print the TeX as words.
    table = formats.Table([formats.Column("x", "x")], [{"x": "$E|u_1|$, attained"}])
    markdown = formats.to_markdown(table)
    assert "\\$" not in pages.document(markdown, "typst")
    assert "<math" in pages.html(markdown, {})


def test_minus_zero_is_zero():
    assert formats.number(3)(-0.0) == "0"
