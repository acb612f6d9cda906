// SPDX-License-Identifier: BSD-3-Clause
// npm's smtp-server: keeps each message as a file of the directory argv[3].  With a
// third argument, lmtp, it judges each recipient of a message: full@... has no room.
const fs = require("fs");
const { SMTPServer } = require("smtp-server");
const lmtp = process.argv[4] === "lmtp";
let count = 0;

new SMTPServer({
	lmtp, authOptional: true, disabledCommands: ["STARTTLS"], disableReverseLookup: true,
	allowInsecureAuth: true, size: 20000000,
	onAuth(auth, session, done) {
		done(auth.username === "user" && auth.password === "secret" ? null : new Error("no"), { user: "user" });
	},
	onRcptTo(address, session, done) {
		done(address.address.startsWith("refused@") ? new Error("nobody of that name") : null);
	},
	onData(stream, session, done) {
		const name = process.argv[3] + "/" + ++count;
		stream.pipe(fs.createWriteStream(name + ".part")).on("finish", () => {
			fs.renameSync(name + ".part", name);
			done(null, session.envelope.rcptTo.map(to =>
				to.address.startsWith("full@") ? new Error("no room for it") : "kept"));
		});
	}
}).listen(Number(process.argv[2]), "127.0.0.1");
