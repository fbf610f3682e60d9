# tries: to send the agent every signal, by its pid and by every group it may be in
# status: ok
import os

mine = os.getuid()
agents = [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and os.stat("/proc/" + pid).st_uid != mine and pid != "1"]
broke = [] if agents else ["no agent to be seen"]
for agent in agents:
    for number in range(0, 65):
        for send in (os.kill, os.killpg):
            try:
                send(agent, number)
                broke.append(f"{send.__name__}({agent}, {number})")
            except (PermissionError, ProcessLookupError):
                pass
    state = open(f"/proc/{agent}/stat").read().rpartition(")")[2].split()[0]
    if state not in "SR":
        broke.append(f"agent is in state {state}")
print("; ".join(broke) or "held")
