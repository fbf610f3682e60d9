// tries: to get a terminal, of which the whole host has one budget, and to type on others
// status: ok
const fs = require("fs");
const broke = [];
for (const path of ["/dev/ptmx", "/dev/pts/ptmx", "/dev/pts/0", "/dev/tty", "/dev/tty0", "/dev/console", "/proc/1/fd/0"]) {
    for (const flags of ["r+", "r", "w"]) {
        try {
            fs.openSync(path, flags);
            broke.push(path);
        } catch {}
    }
}
console.log(broke.join("; ") || "held");
