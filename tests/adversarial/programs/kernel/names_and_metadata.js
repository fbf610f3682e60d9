// tries: to resolve names, and to reach the metadata service of a cloud and the gateway of a bridge
// status: ok
// limits: {"cpu_time_ms": 3000, "wall_time_ms": 8000}
const dns = require("dns");
const net = require("net");
const dgram = require("dgram");
const broke = [];
const attempts = [];
const attempt = (what, start) => attempts.push(new Promise((done) => {
    setTimeout(done, 2500);
    try {
        start((reached) => {
            if (reached) broke.push(what);
            done();
        });
    } catch {
        done();
    }
}));
for (const server of ["127.0.0.11", "8.8.8.8", "172.17.0.1"]) {
    const resolver = new dns.Resolver({ timeout: 1000, tries: 1 });
    resolver.setServers([server]);
    attempt(`a name by ${server}`, (tell) => resolver.resolve4("example.com", (error) => tell(!error)));
}
attempt("a name", (tell) => dns.lookup("example.com", (error) => tell(!error)));
for (const host of ["169.254.169.254", "172.17.0.1", "10.0.0.1", "::1", "fe80::1"]) {
    for (const port of [80, 2375, 53]) {
        attempt(`${host} port ${port}`, (tell) => {
            // A connection that is refused was possible too.
            net.connect({ host, port }).on("connect", () => tell(true)).on("error", (error) => tell(error.code === "ECONNREFUSED"));
        });
    }
    attempt(`a packet to ${host}`, (tell) => {
        const type = host.includes(":") ? "udp6" : "udp4";
        const socket = dgram.createSocket(type).on("error", () => tell(false));
        socket.send("hello", 53, host, (error) => tell(!error));
    });
}
Promise.all(attempts).then(() => {
    console.log(broke.join("; ") || "held");
    process.exit(0);
});
