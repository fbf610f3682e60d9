// tries: to make files without end that hold nothing, which no limit of bytes bounds
// status: ok
// limits: {"cpu_time_ms": 4000, "wall_time_ms": 6000}
const fs = require("fs");
const broke = [];
for (const place of ["/work", "/tmp", "/dev/shm"]) {
    let made = 0;
    try {
        for (; made < 50000; made++) fs.closeSync(fs.openSync(`${place}/${made}`, "w"));
        broke.push(`${made} in ${place}`);
    } catch (error) {
        if (error.code !== "ENOSPC") broke.push(`${error.code} after ${made} in ${place}`);
    }
}
console.log(broke.join("; ") || "held");
