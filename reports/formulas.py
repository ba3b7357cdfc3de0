"""Plain mathematics typeset: what a claim writes for a terminal, ``E tr Σ_t^(1/2)``, as TeX.

Words stay words. Each run of signs, numbers, single letters and names of functions becomes one
formula; it ends at a word, or at a comma outside of brackets.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final, Literal

#: Names of more than one letter that stand in formulas.
_NAMES: Final = {
    "tr": r"\operatorname{tr}", "Var": r"\operatorname{Var}", "diag": r"\operatorname{diag}",
    "eig": r"\operatorname{eig}", "log": r"\log", "log2": r"\log_2", "det": r"\det",
    "exp": r"\exp", "min": r"\min", "sum": r"\sum", "sqrt": r"\sqrt", "n_real": "n_r",
    "n_synth": "n_s", "n_fresh": "n_f", "n_initial": r"n_{\mathrm{ini}}", "chi2": r"\chi^2",
    "W2": "W_2", "c4": "c_4", "md": "md", "tk": "tk", "rate": r"\mathrm{rate}",
}  # fmt: skip
#: These are words too: a formula only before one.
_WORDS: Final = {"tr", "Var", "log", "log2", "det", "exp", "min", "sum", "eig", "diag", "rate"}
_SIGNS: Final = {
    "λ": r"\lambda", "Σ": r"\Sigma", "μ": r"\mu", "ψ": r"\psi", "π": r"\pi", "ε": r"\varepsilon",
    "χ": r"\chi", "δ": r"\delta", "σ": r"\sigma", "γ": r"\gamma", "Π": r"\Pi", "τ": r"\tau",
    "‖": r"\Vert", "→": r"\to", "≤": r"\le", "≥": r"\ge", "≈": r"\approx", "≠": r"\ne",
    "∞": r"\infty", "∈": r"\in", "²": "^2", "³": "^3", "⁴": "^4", "⁵": "^5", "⁶": "^6",
    "ᵀ": r"^{\mathsf T}", "₀": "_0", "₁": "_1", "₂": "_2", "ₜ": "_t", "−": "-", "~": r"\sim",
}  # fmt: skip
_RELATIONS: Final = {*"=<>+-/|~×→≤≥≈≠∈−", "<=", ">=", "->"}
_NUMBER: Final = re.compile(r"[(\[]*(\.\.\.|[\d.,]*\d)[)\]]*")
_KNOWN: Final = re.compile(r"(?<![A-Za-z])(?:" + "|".join(_NAMES) + r"|2F1)(?![A-Za-z0-9])")

Kind = Literal["formula", "maybe", "word"]


def _kind(token: str) -> Kind:
    """What a token between spaces is by itself."""
    core = token.rstrip(",:;")
    if core in _RELATIONS or _NUMBER.fullmatch(core) or core in _WORDS:
        return "maybe"
    if core == "A's" or core == "a" or re.fullmatch(r"(?:[a-z]\.){2,}", core):
        return "word"
    if re.search("[A-Za-z]{2,}", _KNOWN.sub("", core)):
        return "word"
    return "formula" if re.search(r"[A-Za-zλΣμψπεχ∞0-9]", core) else "word"


def _depth(text: str) -> int:
    return sum(text.count(c) for c in "([") - sum(text.count(c) for c in ")]")


def _kinds(tokens: list[str]) -> list[bool]:
    """Which tokens belong to a formula: what may do so needs a neighbour that does."""
    kinds = [_kind(token) for token in tokens]
    for i, (before, token) in enumerate(pairwise(tokens), start=1):
        if before == "shrinkage" and token.rstrip(",:") == "a":  # the letter, not the article
            kinds[i] = "formula"
        if before == "Appendix":
            kinds[i] = "word"
    sure = [kind == "formula" for kind in kinds]
    for order in (range(len(tokens)), reversed(range(len(tokens)))):
        for i in order:
            left = i > 0 and sure[i - 1] and tokens[i - 1][-1] not in ",:;"
            right = i + 1 < len(tokens) and sure[i + 1] and tokens[i][-1] not in ",:;"
            if tokens[i].rstrip(",:;") in _WORDS:
                left = False
            sure[i] = sure[i] or (kinds[i] == "maybe" and (left or right))
    return sure


def _runs(text: str) -> list[tuple[bool, list[str]]]:
    """Tokens in runs, each a formula or words."""
    tokens = text.split()
    runs: list[tuple[bool, list[str]]] = []
    for token, formula in zip(tokens, _kinds(tokens), strict=True):
        last = runs[-1] if runs else None
        open_ = last is not None and last[0] and _depth(" ".join(last[1])) > 0
        ended = last is not None and last[1][-1][-1] in ",:;" and not open_
        if last is not None and ((last[0] == formula and not (formula and ended)) or
                                 (open_ and _NUMBER.fullmatch(token.rstrip(",;")))):  # fmt: skip
            last[1].append(token)
        else:
            runs.append((formula, [token]))
    return runs


def _close(text: str, start: int) -> int:
    """Index of the bracket that closes the one at `start`; the end where none does."""
    depth = 0
    for i in range(start, len(text)):
        depth += (text[i] in "([") - (text[i] in ")]")
        if depth == 0:
            return i
    return len(text)


def _grouped(text: str, before: str) -> str:
    """Braces for the brackets that follow the pattern `before`: x_(t-1) becomes x_{t-1}."""
    while match := re.search(before + r"\(", text):
        start = match.end() - 1
        end = _close(text, start)
        text = text[:start] + "{" + text[start + 1 : end] + "}" + text[end + 1 :]
    return text


def _matrix(match: re.Match[str]) -> str:
    rows = match[1].split("], [")
    return (
        r"\begin{pmatrix}" + r"\\".join(row.replace(",", " &") for row in rows) + r"\end{pmatrix}"
    )


def _spaced(text: str) -> str:
    """A small space for each that stands between two factors."""
    tokens = text.split(" ")
    out = tokens[0]
    for one, two in pairwise(tokens):
        apart = one in _RELATIONS or two in _RELATIONS or one[-1:] in ",;"
        out += (" " if apart else r"\,") + two
    return out


def formula(text: str) -> str:
    """Return a plain formula as TeX.

    >>> formula("E tr Σ_t^(1/2) <= d c4^t")
    'E\\\\,\\\\operatorname{tr}\\\\,\\\\Sigma_t^{1/2} \\\\le d\\\\,c_4^t'
    """
    text = re.sub(r"(?<=[\w)]) x (?=[\w(])", " × ", text)
    text = re.sub(r"Σ(?= p_| \()", r"\\sum", text)
    text = re.sub(r"\[\[(.*?)\]\]", lambda m: "[[" + m[1].replace(" ", "\0") + "]]", text)
    text = _spaced(text).replace("\0", " ")
    text = re.sub(r"\[\[(.*?)\]\]", _matrix, text)
    text = re.sub(r"([EP])~", r"\\tilde{\1}", text)
    text = re.sub(r"((?:u|μ|x)(?:_\w)?)'", r"\1^{\\mathsf T}", text)
    text = re.sub(r"(?<![A-Za-z])2F1", r"{}_2F_1", text)
    text = _grouped(_grouped(text, "[_^]"), "sqrt")
    text = re.sub(r"\^-\((.*?)\)", r"^{-(\1)}", text)
    text = re.sub(r"([_^])(-?(?:\d+|[A-Za-z]\b))", lambda m: f"{m[1]}{{{m[2]}}}", text)
    text = re.sub(r"_\{(\w)\}|\^\{(\w)\}", lambda m: f"_{m[1]}" if m[1] else f"^{m[2]}", text)
    for name in sorted(_NAMES, key=len, reverse=True):
        text = re.sub(rf"(?<![A-Za-z\\]){name}(?![A-Za-z0-9])", lambda _, n=name: _NAMES[n], text)  # type: ignore[misc]
    text = (
        text.replace(" | ", r" \mid ")
        .replace("...", r"\ldots")
        .replace("->", "→")
        .replace("<=", "≤")
        .replace(">=", "≥")
    )
    text = re.sub(r"(?<=\d),(?=\d{3})", "{,}", text.replace("×", r"\times").replace("%", r"\%"))
    for sign, tex in _SIGNS.items():
        text = re.sub(f"{sign}(?=[A-Za-z])", lambda _, x=tex: x + " ", text)  # type: ignore[misc]
        text = text.replace(sign, tex)
    return text


def typeset(text: str) -> str:
    """Return prose with plain mathematics in it as Markdown with ``$formulas$``.

    >>> typeset("E W2² falls for n = 2, at λ <= 1")
    '$E\\\\,W_2^2$ falls for $n = 2$, at $\\\\lambda \\\\le 1$'
    """
    parts = []
    for is_formula, tokens in _runs(text):
        run = " ".join(tokens)
        if is_formula:
            core = run.rstrip(",:;")
            run = f"${formula(core)}$" + run[len(core) :]
        parts.append(run)
    return " ".join(parts)
