// tries: node's own debugger on PID 1 and the agent: SIGUSR1 starts it in a process that knows it, and kills others
// status: ok
const fs = require("fs");
const broke = [];
const others = fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
if (others.length < 2) broke.push("PID 1 and the agent are not to be seen");
for (const pid of others.map(Number)) {
    for (const name of ["SIGUSR1", "SIGSTOP", "SIGKILL", "SIGABRT", "SIGSEGV"]) {
        try {
            process.kill(pid, name);
            process.kill(-pid, name);
        } catch {}
    }
    try {
        process._debugProcess(pid);
    } catch {}
}
setTimeout(() => {
    for (const pid of others) {
        const stat = fs.readFileSync(`/proc/${pid}/stat`, "latin1");
        const state = stat[stat.lastIndexOf(")") + 2];
        if (!"SR".includes(state)) broke.push(`${pid} is in state ${state}`);
    }
    console.log(broke.join("; ") || "held");
}, 100);
