# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One question and one answer for all hosts of a task, whatever the number of forks. Runs on the controller.

The workers of a task share nothing but the temporary directory of their ansible process. A file there, named by the
task and locked while somebody asks, carries the answer from the first worker to the others.
"""

from __future__ import annotations

import fcntl
import os
import time
from typing import Sequence

from ansible import constants as C
from ansible.errors import AnsibleActionFail, AnsiblePromptInterrupt, AnsiblePromptNoninteractive
from ansible.utils.display import Display

TIMEOUT_S = 120
LONGEST_S = 7 * 24 * 3600
TIMEOUT_VARIABLE = "RAFTOPS_CONFIRM_TIMEOUT"

BY_A_PERSON = {
    "no": "You did not answer 'yes'.",
    "interrupted": "You pressed Ctrl-C.",
}
BY_NOBODY = {
    "late": "Nobody answered within {seconds} seconds.",
    "no terminal": "There is no terminal to ask at.",
}
LATER = "Run the same command when you are ready."
WAY_OUT = (
    "To go on without being asked set force=true on the task, or raft_logstore_force=true when running the playbook."
)


class NotAsked(AnsibleActionFail):
    """Nobody can be asked: the question was not shown."""


def question(statement: str, hosts: Sequence[str], seconds: int) -> str:
    """The text that is shown: what will be done, to whom, and how long the answer is waited for; 0 is for ever."""
    count = "1 host" if len(hosts) == 1 else f"{len(hosts)} hosts"
    return f"{statement}\n{count}: {', '.join(hosts)}\n{last_line(seconds)}"


def last_line(seconds: int) -> str:
    """The end of each question: what is asked, and how long the answer is waited for."""
    limit = f", within {seconds} seconds" if seconds else ""
    return f"Do you want to go on? Only 'yes' is accepted{limit}:"


def confirm_once(task_uuid: str, statement: str, hosts: Sequence[str], given_s: int = TIMEOUT_S) -> None:
    """Return if a person answers, or has answered, 'yes' to this task's question; else raise AnsibleActionFail."""
    seconds = timeout_s(given_s)
    answers = os.path.join(C.DEFAULT_LOCAL_TMP, f"confirm-{task_uuid}")
    ask_once(answers, question(statement, hosts, seconds), seconds, WAY_OUT)


def ask_once(answers: str, text: str, seconds: int, way_out: str) -> None:
    """Return if the answer to `text` is 'yes', or was, if it is in the file `answers`; else raise AnsibleActionFail.

    `way_out` is what to do where nobody can be asked. Who has said no is not told how to do without the question.
    """
    with open(answers, "a+", encoding="ascii") as answer_file:
        fcntl.flock(answer_file, fcntl.LOCK_EX)
        answer_file.seek(0)
        answer = answer_file.read()
        if not answer:
            answer = _ask(text, seconds)
            answer_file.write(answer)
    if answer != "yes":
        raise (NotAsked if answer == "no terminal" else AnsibleActionFail)(refusal(answer, seconds, way_out))


def refusal(answer: str, seconds: int, way_out: str) -> str:
    """What is said of an answer that is not 'yes'."""
    if answer in BY_A_PERSON:
        return f"{BY_A_PERSON[answer]} Nothing was changed. {LATER}"
    return f"{BY_NOBODY[answer].format(seconds=seconds)} Nothing was changed. {way_out}"


def timeout_s(given_s: int = TIMEOUT_S) -> int:
    """How long to wait for the answer, 0 for ever: as in the environment, else as given. Raises AnsibleActionFail."""
    text = os.environ.get(TIMEOUT_VARIABLE) or str(given_s)
    if not text.isdecimal() or int(text) > LONGEST_S:
        where = TIMEOUT_VARIABLE if os.environ.get(TIMEOUT_VARIABLE) else "The time limit of the question"
        raise NotAsked(f"{where} must be a number of seconds from 1 to {LONGEST_S}, or 0 for ever, not {text!r}.")
    return int(text)


def _ask(text: str, seconds: int) -> str:
    """Ask at the terminal: 'yes', or a key of BY_A_PERSON or BY_NOBODY."""
    begin = time.monotonic()
    try:
        typed = Display().prompt_until(text, seconds=seconds or None)
    except AnsiblePromptNoninteractive:
        return "no terminal"
    except AnsiblePromptInterrupt:
        return "interrupted"
    # When the time is up, the prompt returns what was typed so far. Without Enter that is not an answer.
    if seconds and time.monotonic() - begin >= seconds:
        return "late"
    return "yes" if typed.strip().lower() == b"yes" else "no"
