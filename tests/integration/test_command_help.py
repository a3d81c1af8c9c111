# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""What holdfast tells of itself: --help of each command, the version, and completion in shells."""

import os
import re
import shutil
import subprocess

from command import fake_command_case
from harness import Skip, check, equal

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
COMPLETION = os.path.join(TREE, "src/cli/completion")
# A stand-in for readline: completes the last of the words that it is given.
BASH = r"""
source "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_holdfast
printf '%s\n' "${COMPREPLY[@]}"
"""
FISH = 'source $argv[1]; complete --do-complete "$argv[2..]"'
ZSH = r"""
compadd() { local -a words; if [[ $1 == -a ]]; then words=(${(P)2}); else words=($@); fi
  for word in $words; do [[ $word == $words_current* ]] && print -r -- $word; done }
_files() { print -r -- FILES }
file=$1
shift
words=("$@")
CURRENT=$#words
words_current=$words[CURRENT]
source $file
"""


def commands_of(command):
    text = command.ok("--help").text
    return re.findall(r"^  ([a-z-]+) +\S", text.partition("Commands:\n")[2], re.MULTILINE)


@fake_command_case("--help of each command tells its use and nothing else happens")
def each_help(command):
    names = commands_of(command)
    check(len(names) > 20, names)
    for name in names:
        result = command.ok(name, "--help")
        check(result.text.startswith(f"Usage:\n  holdfast {name} [OPTION"), result)
        equal(result.err, "", name)
    equal(command.ok("--version").text, command.ok("version").text, "version")
    check(re.fullmatch(r"\d+\.\d+\.\d+", command.ok("--format=json", "version").json["version"]),
          "version as JSON")


@fake_command_case("each command refuses operands that it has no use for, and options that are none")
def each_refusal(command):
    for name in commands_of(command):
        check("--nosuch" in command.fails(name, "--nosuch"), name)
    for name in ("list", "version"):
        check(f"usage: holdfast {name}" in command.fails(name, "x"), name)
    for name in ("start", "exec", "attach", "logs", "inspect", "top", "pause", "resume", "kill",
                 "wait", "resize", "reopen-logs", "delete", "checkpoint"):
        check(f"usage: holdfast {name}" in command.fails(name), name)


@fake_command_case("a container that is not there is told by each command")
def each_missing(command):
    command.start("exec sleep 1000")
    for words in (["start"], ["attach"], ["logs"], ["inspect"], ["top"], ["pause"], ["resume"],
                  ["kill"], ["wait"], ["resize", "", "1", "1"], ["reopen-logs"], ["delete"],
                  ["stats"], ["checkpoints"], ["update", "--pids-limit=1"]):
        words = [word or "nosuch" for word in words] if "" in words else [*words, "nosuch"]
        result = command.run(*words)
        equal(result.status, 125, words)
        check("no such container" in result.err, result)


def complete(shell, script, file, command, *words):
    path = shutil.which(shell)
    if path is None:
        raise Skip(f"{shell} is not installed")
    links = command.box.at("out", "links")
    os.makedirs(links, exist_ok=True)
    if not os.path.exists(os.path.join(links, "holdfast")):
        os.symlink(command.path, os.path.join(links, "holdfast"))
    environment = command.environment()
    environment["PATH"] = links + ":" + environment["PATH"]
    done = subprocess.run([path, "-c", script, *([shell] if shell != "fish" else []),
                           os.path.join(COMPLETION, file), *words], env=environment,
                          capture_output=True, text=True, timeout=60, check=False)
    equal(done.stderr, "", "stderr")
    return sorted(line.partition("\t")[0] for line in done.stdout.splitlines() if line)


def check_completion(command, complete_words):
    root = f"--root={command.root}"
    ids = sorted(command.start("exec sleep 1000") for _ in range(2))

    equal(complete_words("holdfast", ""), sorted(commands_of(command)), "commands")
    equal(complete_words("holdfast", "de"), ["delete", "delete-checkpoint"], "commands with de")
    equal(complete_words("holdfast", root, "logs", ""), ids, "ids")
    equal(complete_words("holdfast", "--root", command.root, "logs", "-f", ids[1]), [ids[1]], "an id")
    check("--follow" in complete_words("holdfast", "logs", "--"), "options")
    equal(complete_words("holdfast", "logs", "--fo"), ["--follow"], "an option")
    equal(complete_words("holdfast", "--format", ""), ["json", "table"], "formats")


@fake_command_case("bash completes commands, options, ids and formats")
def bash(command):
    check_completion(command, lambda *words: complete("bash", BASH, "holdfast.bash", command, *words))


@fake_command_case("bash leaves directories to itself, and has split --root=DIR at the sign")
def bash_split(command):
    name = command.start("exec sleep 1000")
    os.makedirs(command.box.at("out", "place"))

    found = complete("bash", BASH, "holdfast.bash", command, "holdfast", "run", "--bundle",
                     command.box.at("out", "pl"))
    equal(found, [command.box.at("out", "place")], "a directory")
    found = complete("bash", BASH, "holdfast.bash", command, "holdfast", "--root", "=", command.root,
                     "kill", "")
    equal(found, [name], "ids")


@fake_command_case("zsh completes commands, options, ids and formats")
def zsh(command):
    check_completion(command, lambda *words: complete("zsh", ZSH, "_holdfast", command, *words))


@fake_command_case("fish completes commands, options, ids and formats")
def fish(command):
    def complete_words(*words):
        return complete("fish", FISH, "holdfast.fish", command, " ".join(words))

    check_completion(command, complete_words)
