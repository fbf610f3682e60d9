console.error("oops");
process.exit(3);
