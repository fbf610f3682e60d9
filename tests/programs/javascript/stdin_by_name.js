const text = require("fs").readFileSync("/dev/stdin", "utf8");
console.log(text.trim().split(" ").map(Number).reduce((a, b) => a + b));
