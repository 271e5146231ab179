"""Runs the sandbox's processes for as long as its standard input stays open, then ends them and removes the scratch
directory.

The input's other end is held by the process that owns the sandbox and by no other, so however that process ends, kill
-9 included, the input ends with it.

The first line of the input is JSON: {"scratch": directory, "keep": bool, "processes": [{"name", "argv", "env"}]}. Each
process logs to NAME.log in the scratch directory; one that ends by itself leaves its exit code in NAME.exited there.
"""

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import threading


def die_with_the_supervisor():
    """Only Linux has this; elsewhere a supervisor that is itself killed leaves its processes behind."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        LIBC.prctl(pr_set_pdeathsig, signal.SIGKILL, 0, 0, 0)


def start(process, scratch):
    with open(os.path.join(scratch, process["name"] + ".log"), "ab") as log:
        return subprocess.Popen(
            process["argv"],
            env=process["env"],
            cwd=scratch,
            stdin=subprocess.PIPE,  # stays open as long as this process does
            stdout=log,
            stderr=log,
            preexec_fn=die_with_the_supervisor,  # while this process has one thread only
            process_group=0,  # so that what it starts ends with it
        )


def note_exit(process, name, scratch):
    code = process.wait()
    path = os.path.join(scratch, name + ".exited")
    with open(path + ".partial", "w") as note:
        note.write(str(code))
    os.rename(path + ".partial", path)


def end(processes):
    for process in processes:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    for process in processes:
        process.wait()


def main():
    os.setsid()  # a Ctrl-C in the terminal is for the owner, which decides what ends
    signal.signal(signal.SIGTERM, lambda *_: os.close(0))
    line = sys.stdin.buffer.readline()
    if not line:
        return
    task = json.loads(line)
    scratch = task["scratch"]
    processes, notes = [], []
    try:
        for process in task["processes"]:
            processes.append(start(process, scratch))
        for process, described in zip(processes, task["processes"]):
            notes.append(threading.Thread(target=note_exit, args=(process, described["name"], scratch), daemon=True))
            notes[-1].start()
        while os.read(0, 4096):
            pass
    except OSError as error:
        print(f"supervisor: {error}", file=sys.stderr, flush=True)
    finally:
        end(processes)
        for note in notes:
            note.join()  # or it would write into the directory while that is being removed
        if not task["keep"]:
            shutil.rmtree(scratch, ignore_errors=True)


LIBC = ctypes.CDLL(None)  # loaded here, since little may be done between fork and exec
main()
