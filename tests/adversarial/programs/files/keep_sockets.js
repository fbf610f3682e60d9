// tries: to be answered by the case before: over sockets with a name in no directory, and with one in each
// via: judge
// status: accepted,accepted,accepted
// limits: {"cpu_time_ms": 3000, "wall_time_ms": 6000}
const net = require("net");
const { spawn } = require("child_process");
const names = ["\0left-by-a-case", "/tmp/left.sock", "/work/left.sock", "/dev/shm/left.sock"];

if (process.argv[2] === "serve") {
    for (const name of names) net.createServer((peer) => peer.end("a word from the case before")).listen(name);
} else {
    const calls = names.map((name) => new Promise((done) => {
        let heard = "";
        const call = net.connect(name, () => (heard += `${name} is there `));
        call.on("data", (data) => (heard += data));
        call.on("error", () => done(""));
        call.on("close", () => done(heard));
    }));
    Promise.all(calls).then((all) => {
        console.log(all.join("").replace("\0", "@") || "held");
        spawn(process.execPath, [__filename, "serve"], { detached: true, stdio: "ignore" });
        setTimeout(() => process.exit(0), 200);
    });
}
