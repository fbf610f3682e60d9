const { Worker, isMainThread, parentPort } = require("worker_threads");
if (isMainThread) {
    new Worker(__filename).on("message", (word) => console.log(word));
} else {
    parentPort.postMessage("from a worker");
}
