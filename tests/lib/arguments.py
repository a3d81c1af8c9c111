# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""The command lines with which engines start a monitor."""

import os


def arguments(monitor):
    """The arguments for a Monitor, in the order in which Podman and CRI-O give them."""
    if monitor.argv is not None:
        return monitor.argv
    groups = [group for group in option_groups(monitor) if group[0] not in monitor.without]
    return [word for group in groups for word in group] + list(monitor.args)


def option_groups(monitor):
    """Each option with its value."""
    box = monitor.box
    groups = [["--api-version", "1"]] if monitor.api else []
    groups += [["-c", monitor.cid], ["-r", monitor.runtime or box.runtime_path]]
    groups += [["-p", monitor.pid_file], ["-n", monitor.name]]
    if monitor.kind == "exec-sync":
        groups += [["--socket-dir-path", monitor.sockets]]
    else:
        groups += bundle_groups(monitor)
    for log in monitor.log if isinstance(monitor.log, list) else [monitor.log]:
        groups += [["-l", f"k8s-file:{monitor.log_path}" if log is None else log]]
    groups += [["--log-level", "warning"]]
    if monitor.kind != "create":
        groups += [["-e"], ["--exec-process-spec", monitor.spec_path]]
    groups += [[flag] for flag, wanted in flags(monitor) if wanted]
    return groups + sandbox_groups(monitor)


def sandbox_groups(monitor):
    """With HOLDFAST_TEST_SANDBOX=strict, all who can be confined so are. Nobody but root can look
    at what a confined monitor has in /proc, which many cases do."""
    mode = os.environ.get("HOLDFAST_TEST_SANDBOX", None if os.geteuid() == 0 else "off")
    words = " ".join(monitor.args)
    if mode is None or monitor.box.is_conmon or "--exit-command" in words or "--sandbox" in words:
        return []
    return [["--sandbox", mode]]


def bundle_groups(monitor):
    """What CRI-O's exec sync does without."""
    groups = [["-b", monitor.bundle_dir], ["-u", monitor.uuid]]
    if not monitor.sync:
        groups += [["-P", monitor.conmon_pid_file]]
    if monitor.exits:
        groups += [["--exit-dir", monitor.exits]]
    if monitor.persist:
        groups += [["--persist-dir", monitor.persist_dir]]
    if monitor.full_attach:
        groups += [["--full-attach"]]
    elif monitor.sockets:
        groups += [["--socket-dir-path", monitor.sockets]]
    return groups


def flags(monitor):
    return [
        ("--sync", monitor.sync),
        ("-t", monitor.terminal),
        ("-i", monitor.stdin),
        ("--exec-attach", monitor.exec_attach),
    ]
