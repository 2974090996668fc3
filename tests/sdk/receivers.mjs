// receivers.mjs: a receiver built with the official SDKs.
//
//	node receivers.mjs SECRETS JOURNAL
//
// SECRETS is a JSON file, {"/PATH": {"sdk": NAME, "secret": TEXT, "foreign":
// TEXT}}, which is read for each request: what is posted to a path is verified
// by that SDK with that secret alone, answered 204 or 400, and noted down in
// JOURNAL, a JSON object a line, with what the SDK says of it by the foreign
// secret. The port stands on the first line of its output. It runs in a folder
// where the packages of package.json are installed.
import fs from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const [, , secrets, journal] = process.argv;
const BODY_MAX = 8 << 20;

// Why not; null: it verifies.
function refusal(sdk, secret, body, headers) {
	const { Webhook } = require(sdk);

	try {
		new Webhook(secret).verify(body, headers);
		return null;
	} catch (e) {
		return `${e.name}: ${e.message}`.slice(0, 200);
	}
}

async function whole(request) {
	const pieces = [];
	let length = 0;

	for await (const piece of request) {
		length += piece.length;
		if (length > BODY_MAX)
			throw new Error('too long');
		pieces.push(piece);
	}
	return Buffer.concat(pieces);
}

const server = http.createServer(async (request, answer) => {
	const body = await whole(request);
	const { sdk, secret, foreign } =
	    JSON.parse(fs.readFileSync(secrets))[request.url];
	const why = refusal(sdk, secret, body, request.headers);

	fs.appendFileSync(journal, JSON.stringify({
		path: request.url, ok: why === null, why,
		foreign: refusal(sdk, foreign, body, request.headers) === null,
		headers: request.headers, body_b64: body.toString('base64'),
	}) + '\n');
	answer.writeHead(why === null ? 204 : 400).end();
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
