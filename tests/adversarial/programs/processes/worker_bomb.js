// tries: to start workers from workers, each with a virtual machine of its own
// status: memory_limit_exceeded|time_limit_exceeded|process_limit_exceeded|runtime_error
// limits: {"cpu_time_ms": 1500, "wall_time_ms": 5000}
const { Worker } = require("worker_threads");
for (let i = 0; i < 4; i++) new Worker(__filename).on("error", () => {});
setInterval(() => {}, 1000);
