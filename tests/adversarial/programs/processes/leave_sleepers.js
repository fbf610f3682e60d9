// tries: to end at once and leave forty sleepers in sessions of their own behind
// status: ok
// limits: {"cpu_time_ms": 3000, "wall_time_ms": 20000}
// within_ms: 6000
const { spawn } = require("child_process");
let started = 0;
for (let i = 0; i < 40; i++) {
    const child = spawn("sleep", ["1000"], { detached: true, stdio: "inherit" });
    child.on("spawn", () => {
        if (++started === 40) {
            console.log("held");
            process.exit(0);
        }
    });
    child.unref();
}
