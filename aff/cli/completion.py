"""``aff completion``: a script that completes commands, flags and values in a shell."""

from __future__ import annotations

import argparse
from typing import Callable, Dict, Iterable, List

from .. import __version__
from ..data.datasets import list_datasets
from ..models.registry import list_networks
from ..models.weights import list_published
from ..nn.fusion import fusion_title, list_fusions
from ..paper.recipes import RECIPES
from .common.parser import Parser
from .main import build_parser, list_commands

GROUP, HELP = "shell", "a script that completes commands and flags in bash or zsh"
DESCRIPTION = (
    "Print a script that completes commands, flags and their values on TAB. It is made once, from "
    "what the commands take, and runs no Python: write it to a file that your shell reads, as "
    "'aff completion bash > ~/.local/share/bash-completion/completions/aff'."
)
#: Names that a flag takes, by its field, and a command, where its parser leaves them open.
NAMES: Dict[str, Callable[[], Iterable[str]]] = {
    "dataset": list_datasets,
    "finetune": list_published,
    "fusion": lambda: dict.fromkeys([*map(fusion_title, list_fusions()), *list_fusions()]),
    "model": list_networks,
}
WORDS: Dict[str, Callable[[], Iterable[str]]] = {
    **dict.fromkeys(("evaluate", "export", "features", "fetch", "predict"), list_published),
    "browse": list_datasets,
    "help": list_commands,
    "recipes": lambda: RECIPES,
    "summary": list_networks,
    "train": lambda: RECIPES,
}
#: A shell's files are offered where nothing else is.
SCRIPT = """\
# Completes aff {version}; made by: aff completion {shell}
{start}_aff() {{
    local word="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}" offered=""
    if [ "$COMP_CWORD" -eq 1 ]; then
        offered="{first}"
    else
        case "${{COMP_WORDS[1]}} $before" in
{values}
*) case "${{COMP_WORDS[1]}} $word" in
{flags}
{words}
esac ;;
        esac
    fi
    COMPREPLY=($(compgen -W "$offered" -- "$word"))
}}
complete -o default -F _aff aff
"""
#: zsh takes bash's functions once it is told to.
START = {"bash": "", "zsh": "autoload -U +X bashcompinit && bashcompinit\n"}


def add_arguments(parser: Parser) -> None:
    """Add the command's argument."""
    parser.add_argument("shell", choices=sorted(START), help="your shell")


def _cases(cases: Dict[str, Iterable[str]]) -> str:
    places: Dict[str, List[str]] = {}
    for place, words in cases.items():
        places.setdefault(" ".join(words), []).append(place)
    return "\n".join(f'{"|".join(at)}) offered="{words}" ;;' for words, at in places.items())


def choices_of(action: argparse.Action) -> List[str]:
    """Return the values that a flag or an argument takes, where they can be listed."""
    known = action.choices or NAMES.get(action.dest, tuple)()
    return [str(name) for name in known]


def script(shell: str) -> str:
    """Return the script for ``'bash'`` or ``'zsh'``."""
    values: Dict[str, Iterable[str]] = {}
    flags: Dict[str, Iterable[str]] = {}
    words = {f'"{name} "*': list(names()) for name, names in WORDS.items()}
    for name in list_commands():
        actions = build_parser(name)._actions
        flags[f'"{name} -"*'] = [flag for action in actions for flag in action.option_strings]
        for action in actions:
            known = choices_of(action)
            if action.nargs == 0 or not action.option_strings:
                words.update({f'"{name} "*': known} if known else {})
                continue
            at = "|".join(f'"{name} {flag}"' for flag in action.option_strings)
            values[at] = known
    return SCRIPT.format(
        version=__version__,
        shell=shell,
        start=START[shell],
        first=" ".join([*list_commands(), "help", "--help", "--version"]),
        values=_cases(values),
        flags=_cases(flags),
        words=_cases(dict(words)),
    )


def run(shell: str) -> int:
    """Print the script."""
    print(script(shell), end="")
    return 0
