"""Plain mathematics of the claims, typeset."""

import re

import pytest

from madtheory.claims import CLAIMS
from madtheory.reports.formulas import formula, typeset


@pytest.mark.parametrize(
    ("plain", "tex"),
    [
        ("Σ_(t-1)", r"\Sigma_{t-1}"),
        ("tr Σ_t^(1/2)", r"\operatorname{tr}\,\Sigma_t^{1/2}"),
        ("‖μ_t‖²", r"\Vert\mu_t\Vert^2"),
        ("χ²_(m-i+1) / m", r"\chi^2_{m-i+1} / m"),
        ("u'Σ_t u", r"u^{\mathsf T}\Sigma_t\,u"),
        ("ψ'(m/2)", r"\psi'(m/2)"),
        ("sqrt(p / (1 - λ (1 - p)))", r"\sqrt{p / (1 - \lambda\,(1 - p))}"),
        ("t^-(1 - λ)", r"t^{-(1 - \lambda)}"),
        ("[[1+1/m, 1/m], [2/m, 1]]", r"\begin{pmatrix}1+1/m & 1/m\\2/m & 1\end{pmatrix}"),
        ("2F1(1/2, -t/2; 2; d/m)", "{}_2F_1(1/2, -t/2; 2; d/m)"),
        ("E~[tr Σ]", r"\tilde{E}[\operatorname{tr}\,\Sigma]"),
        ("10^5", "10^5"),
        ("E[μ_t | μ_(t-1)]", r"E[\mu_t \mid \mu_{t-1}]"),
        ("P(|Y - 1| > ε)", r"P(|Y - 1| > \varepsilon)"),
        ("n x d", r"n \times d"),
        ("E Σ p_k²", r"E\,\sum\,p_k^2"),
        ("-2 n Σ (1 - p)", r"-2\,n\,\sum\,(1 - p)"),
    ],
)
def test_formula(plain, tex):
    assert formula(plain) == tex


@pytest.mark.parametrize(
    ("plain", "markdown"),
    [
        ("E W2² falls from 1 to 2 for n = 2", r"$E\,W_2^2$ falls from 1 to 2 for $n = 2$"),
        ("2 % larger", "2 % larger"),
        ("a mode of weight p", "a mode of weight $p$"),
        ("with shrinkage a: its map", "with shrinkage $a$: its map"),
        ("Appendix A's reading", "Appendix A's reading"),
        ("the sum over laws, reg_covar", "the sum over laws, reg_covar"),
        ("d = 2, n = 3", "$d = 2$, $n = 3$"),
        ("a.s. at λ <= 1", r"a.s. at $\lambda \le 1$"),
        ("Var Y = 2 sum w²", r"$\operatorname{Var}\,Y = 2\,\sum\,w^2$"),
    ],
)
def test_typeset(plain, markdown):
    assert typeset(plain) == markdown


def test_no_claim_keeps_plain_mathematics():
    for claim in CLAIMS:
        for text in (claim.statement, claim.mutant.words):
            parts = re.split(r"\$([^$]*)\$", typeset(text))
            words, formulas = " ".join(parts[::2]), parts[1::2]
            assert not re.search(r"[λΣμψχπε²‖→∞<>=^]|\bW2|\w_[(\d]", words), text
            for tex in formulas:
                assert tex.isascii(), text
                assert tex.count("{") == tex.count("}"), text
                assert not re.search(r"[_^]\(|<=|>=|->|\[\[", tex), text
            # Nothing is lost but spaces and brackets: every word and number of the plain text.
            kept = re.findall(r"\d+", typeset(text).replace("_2F_1", "2F1"))
            assert set(re.findall(r"\d+", text.replace("2F1", "2F1"))) <= {*kept, "2", "3", "4"}
