// SPDX-License-Identifier: BSD-3-Clause
// npm's smtp-server: keeps each message as a file of the directory argv[3].
const fs = require("fs");
const { SMTPServer } = require("smtp-server");
let count = 0;

new SMTPServer({
	authOptional: true, disabledCommands: ["STARTTLS"], disableReverseLookup: true,
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
			done();
		});
	}
}).listen(Number(process.argv[2]), "127.0.0.1");
