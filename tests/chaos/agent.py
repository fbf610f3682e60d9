#!/usr/bin/python3 -I
"""In place of the agent, and in front of it: passes on what is said until its manner changes."""
import os
import subprocess
import sys
import threading
import time

FAIR = "/caisson/fair"


def read(name):
    with open("/caisson/" + name, "rb") as file:
        return file.read()


def for_ever(data):
    while True:
        os.write(1, data)


def behave(manner):
    if manner == "older":
        os.write(1, read("hello"))
    elif manner == "noisy":
        for_ever(os.urandom(4096))
    elif manner == "flooding":
        for_ever(read("flood"))
    elif manner == "dead":
        os._exit(3)
    time.sleep(1000)


def listen(agent, turned):
    while data := os.read(0, 65536):
        for manner in ("mute", "noisy", "flooding", "dead"):
            if b"from now on: " + manner.encode() in data:
                turned.append(manner)
        agent.stdin.write(data)
    agent.stdin.close()


def main():
    if sys.argv[1] != "serve":
        os.execv(FAIR, [FAIR, *sys.argv[1:]])
    manner = read("manner").decode()
    if manner != "fair":
        behave(manner)
    agent = subprocess.Popen([FAIR, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    turned = []
    threading.Thread(target=listen, args=(agent, turned), daemon=True).start()
    while data := agent.stdout.read(65536):
        # Once the program is under way, so that it is the job that is lost and not its sandbox before it.
        if turned:
            time.sleep(0.2)
            os.write(1, data)
            behave(turned[0])
        os.write(1, data)


main()
