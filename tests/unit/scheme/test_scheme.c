/* What a scheme file may say, and what is said about one that may not. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/util.h"
#include "lib/scheme/scheme.h"

/* Members that make a scheme whole, for rows about the others. */
#define SIG "\"sig\":{\"from\":\"header:X-Sig\",\"enc\":\"hex\"}"
#define LIST_SIG                                              \
	"\"sig\":{\"from\":\"header:X-Sig\",\"enc\":\"hex\"," \
	"\"split\":\",\",\"prefix\":\"v1=\"}"
#define HMAC "\"alg\":\"hmac-sha256\""
#define BODY "\"content\":\"{body}\""

static int
load(const char *text, struct scheme **out, struct scheme_warnings *warnings,
    struct err *err)
{
	return scheme_parse("x.json", span_str(text), out, warnings, err);
}

static struct scheme *
loaded(const char *text)
{
	struct scheme *sc = NULL;
	struct err err = ERR_INIT;

	ck_assert_msg(load(text, &sc, NULL, &err) == 0, "%s", err.text);
	return sc;
}

static const struct {
	const char *when, *text, *says;
} refused[] = {
	{ "no JSON", "{\n\"alg\":\n}",
	    "x.json: line 3: byte 9: not a JSON value" },
	{ "no object", "[]", "x.json: must be an object, not an array" },
	{ "a key twice", "{" HMAC "," HMAC "}",
	    "x.json: line 1: byte 21: the object has this key already" },
	{ "unknown field", "{\"sigs\":{}}",
	    "x.json: /sigs: there is no such field; was \"sig\" meant?" },
	{ "no handshake", "{\"handshake\":[]}",
	    "x.json: /handshake: must be a list of rules" },
	{ "a rule without its list", "{\"handshake\":{}}",
	    "x.json: /handshake: must be a list of rules" },
	{ "a rule's unknown field", "{\"handshake\":[{\"wen\":[]}]}",
	    "x.json: /handshake/0/wen: there is no such field; was \"when\" "
	    "meant?" },
	{ "a rule's unknown method", "{\"handshake\":[{\"method\":\"TRACE\"}]}",
	    "x.json: /handshake/0/method: must be one of \"POST\", \"GET\", "
	    "\"HEAD\", \"OPTIONS\"" },
	{ "a rule's unknown source", "{\"handshake\":[{\"when\":\"!jsn:/a\"}]}",
	    "x.json: /handshake/0/when: \"jsn\" is no source; was \"json\" "
	    "meant?" },
	{ "a rule that compares with nothing",
	    "{\"handshake\":[{\"when\":\"json:/a = \"}]}",
	    "x.json: /handshake/0/when: must read \"SOURCE = VALUE\"" },
	{ "a rule that reads the signature's items",
	    "{\"handshake\":[{\"when\":\"item:t\"}]}",
	    "x.json: /handshake/0/when: \"item:t\" cannot stand here" },
	{ "a check without a param",
	    "{\"handshake\":[{\"check\":\"query:a = b\"}]}",
	    "x.json: /handshake/0/check: must read \"SOURCE = param:NAME\"" },
	{ "a reply with an unknown hole",
	    "{\"handshake\":[{\"reply\":{\"json\":{\"a\":\"{jsn:/b}\"}}}]}",
	    "x.json: /handshake/0/reply/json/a: \"jsn\" is no source; was "
	    "\"json\" meant?" },
	{ "a reply with a list in it",
	    "{\"handshake\":[{\"reply\":{\"json\":{\"a\":[]}}}]}",
	    "x.json: /handshake/0/reply/json/a: must be a string, not an "
	    "array" },
	{ "a reply that fails",
	    "{\"handshake\":[{\"reply\":{\"status\":404}}]}",
	    "x.json: /handshake/0/reply/status: must be from 200 to 299" },
	{ "a header of ours",
	    "{\"handshake\":[{\"reply\":{\"headers\":"
	    "{\"Set-Cookie\":\"a\"}}}]}",
	    "x.json: /handshake/0/reply/headers/Set-Cookie: cannot be set by "
	    "a rule" },
	{ "a header that is none",
	    "{\"handshake\":[{\"reply\":{\"headers\":{\"A b\":\"a\"}}}]}",
	    "x.json: /handshake/0/reply/headers/A b: is no header's name" },
	{ "two headers in one",
	    "{\"handshake\":[{\"reply\":{\"headers\":{\"A,B\":\"a\"}}}]}",
	    "x.json: /handshake/0/reply/headers/A,B: is no header's name" },
	{ "a signed GET",
	    "{" HMAC "," SIG "," BODY ",\"handshake\":[{\"method\":\"GET\"}]}",
	    "x.json: /handshake/0/signed: only a POST can be; say false" },
	{ "a rule for every event",
	    "{" HMAC "," SIG "," BODY ",\"handshake\":[{}]}",
	    "x.json: /handshake/0/when: is missing: every event would be "
	    "answered so" },
	{ "a reply with two bodies",
	    "{" HMAC "," SIG "," BODY ",\"handshake\":[{\"method\":\"GET\","
	    "\"signed\":false,\"reply\":{\"text\":\"a\",\"json\":{}}}]}",
	    "x.json: /handshake/0/reply: has \"text\" and \"json\"" },
	{ "a body for HEAD",
	    "{" HMAC "," SIG "," BODY ",\"handshake\":[{\"method\":\"HEAD\","
	    "\"signed\":false,\"reply\":{\"text\":\"a\"}}]}",
	    "x.json: /handshake/0/reply: an answer to HEAD has no body" },
	{ "a MAC of a token",
	    "{\"alg\":\"equal\",\"sig\":{\"from\":\"header:X\"},\"body\":"
	    "\"json\",\"handshake\":[{\"when\":\"json:/a\",\"reply\":{"
	    "\"text\":\"{hex(hmac(json:/a))}\"}}]}",
	    "x.json: /handshake/0/reply: hmac() needs an algorithm that is a "
	    "MAC" },
	{ "a MAC that might be a body's",
	    "{" HMAC "," SIG "," BODY ",\"handshake\":[{\"when\":\"json:/a\","
	    "\"reply\":{\"text\":\"{hex(hmac(json:/a))}\"}}]}",
	    "x.json: /handshake/0/reply: hmac() needs \"body\": \"json\"" },
	{ "a MAC in an event's id", "{\"id\":\"{hex(hmac(json:/a))}\"}",
	    "x.json: /id: \"hex(hmac(json\" is no source" },
	{ "unknown field inside",
	    "{" HMAC "," BODY ",\"sig\":{\"form\":\"header:X\"}}",
	    "x.json: /sig/form: there is no such field; was \"from\" "
	    "meant?" },
	{ "letter case counts", "{\"Alg\":\"equal\"}",
	    "x.json: /Alg: there is no such field; was \"alg\" meant?" },

	{ "alg is missing", "{" SIG "," BODY "}", "x.json: /alg: is missing" },
	{ "alg is none", "{\"alg\":\"hmac-sha265\"," SIG "," BODY "}",
	    "x.json: /alg: is no algorithm that is known; was "
	    "\"hmac-sha256\" meant?" },
	{ "alg far from any", "{\"alg\":\"rsa\"}",
	    "x.json: /alg: is no algorithm that is known" },
	/* A weaker algorithm or another family is never suggested. */
	{ "rsa-sha512", "{\"alg\":\"rsa-sha512\"}",
	    "x.json: /alg: is no algorithm that is known" },
	{ "rsa-sha384", "{\"alg\":\"rsa-sha384\"}",
	    "x.json: /alg: is no algorithm that is known" },
	{ "hmac-sha384", "{\"alg\":\"hmac-sha384\"}",
	    "x.json: /alg: is no algorithm that is known; was "
	    "\"hmac-sha512\" meant?" },
	{ "ecdsa with a longer curve", "{\"alg\":\"ecdsa-p384-sha256\"}",
	    "x.json: /alg: is no algorithm that is known" },
	{ "sha512", "{\"alg\":\"sha512\"}",
	    "x.json: /alg: is no algorithm that is known" },
	{ "hmac-sha2", "{\"alg\":\"hmac-sha2\"}",
	    "x.json: /alg: is no algorithm that is known; was "
	    "\"hmac-sha256\" meant?" },
	{ "hmac-sha", "{\"alg\":\"hmac-sha\"}",
	    "x.json: /alg: is no algorithm that is known; was "
	    "\"hmac-sha256\" meant?" },
	{ "rsa-sha2", "{\"alg\":\"rsa-sha2\"}",
	    "x.json: /alg: is no algorithm that is known; was "
	    "\"rsa-sha256\" meant?" },
	{ "SHA-1, when it was asked for", "{\"alg\":\"rsa-sah1\"}",
	    "x.json: /alg: is no algorithm that is known; was "
	    "\"rsa-sha1\" meant?" },
	{ "alg is a number", "{\"alg\":1}",
	    "x.json: /alg: must be a string, not a number" },
	{ "sig is missing", "{" HMAC "," BODY "}", "x.json: /sig: is missing" },
	{ "sig is a text", "{" HMAC ",\"sig\":\"header:X\"}",
	    "x.json: /sig: must be an object, not a string" },
	{ "content is missing", "{" HMAC "," SIG "}",
	    "x.json: /content: is missing" },
	{ "sig.from is missing", "{" HMAC ",\"sig\":{\"enc\":\"hex\"}}",
	    "x.json: /sig/from: is missing" },
	{ "sig.from is empty", "{" HMAC ",\"sig\":{\"from\":[]}}",
	    "x.json: /sig/from: must not be empty" },
	{ "sig.enc is missing",
	    "{" HMAC "," BODY ",\"sig\":{\"from\":\"header:X\"}}",
	    "x.json: /sig/enc: is missing" },
	{ "sig.enc is none",
	    "{" HMAC ",\"sig\":{\"from\":\"header:X\",\"enc\":\"base46\"}}",
	    "x.json: /sig/enc: must be one of \"hex\", \"base64\", "
	    "\"base64url\"; was \"base64\" meant?" },
	{ "sig.split is long",
	    "{" HMAC ",\"sig\":{\"from\":\"header:X\",\"split\":\"||\"}}",
	    "x.json: /sig/split: must be one of \",\", \";\", \" \"" },
	{ "two prefixes", "{" HMAC ",\"sig\":{\"prefix\":[\"v1=\",\"v0=\"]}}",
	    "x.json: /sig/prefix: must be a string, not an array" },
	{ "sig.prefix is empty", "{" HMAC ",\"sig\":{\"prefix\":\"\"}}",
	    "x.json: /sig/prefix: must not be empty" },
	{ "sig.from the method", "{\"sig\":{\"from\":\"method\"}}",
	    "x.json: /sig/from: \"method\" cannot stand here" },
	{ "a token", "{\"jwt\":{}}",
	    "x.json: /jwt: JSON Web Tokens are not supported: their keys must "
	    "be fetched, or leave the body unsigned" },
	{ "a token's algorithm", "{\"alg\":\"RS256\"}",
	    "x.json: /alg: JSON Web Tokens are not supported: their keys must "
	    "be fetched, or leave the body unsigned" },
	{ "a key from the network", "{\"key\":{\"url\":\"https://a\"}}",
	    "x.json: /key/url: keys are never fetched from the network: pin "
	    "the provider's public key or certificate, which is given as the "
	    "secret" },
	{ "a confidence of another kind", "{\"confidence\":\"R\"}",
	    "x.json: /confidence: must be one of \"documented\", "
	    "\"secondary\", \"recalled\"" },
	{ "a sender that waits for ever", "{\"timeout\":0}",
	    "x.json: /timeout: must be from 1 to 3600" },
	{ "a signature in the signed URL",
	    "{" HMAC ",\"content\":\"{url}\",\"sig\":{\"from\":"
	    "\"query:s\",\"enc\":\"hex\"}}",
	    "x.json: /sig/from: a signature that stands in the URL cannot "
	    "cover {url}" },
	{ "a signature in the signed form",
	    "{" HMAC ",\"content\":\"{form*}\",\"sig\":{\"from\":"
	    "\"form:s\",\"enc\":\"hex\"}}",
	    "x.json: /sig/from: a signature that stands in the body cannot "
	    "cover {body}" },
	{ "a third name of a header", "{\"id\":\"{header:A,B,C}\"}",
	    "x.json: /id: \"header:A,B,C\" names no header" },
	{ "no second name of a header", "{\"id\":\"{header:A,}\"}",
	    "x.json: /id: \"header:A,\" names no header" },
	{ "a group in an id", "{\"id\":\"{[a{json:/a}]}\"}",
	    "x.json: /id: \"{[a{json:/a}]}\": {[ and ]} are for content "
	    "alone" },
	{ "a group in a group",
	    "{\"content\":\"{[a{json:/a}{[b{json:/b}]}]}\"}",
	    "x.json: /content: \"{[b{json:/b}]}]}\": {[ inside {[" },
	{ "a group without its end", "{\"content\":\"{[a{json:/a}\"}",
	    "x.json: /content: a {[ without its ]}" },
	{ "a group that is always there", "{\"content\":\"{[a]}{body}\"}",
	    "x.json: /content: a group {[...]} without a source" },
	{ "a group's end alone", "{\"content\":\"a]}{body}\"}",
	    "x.json: /content: \"}{body}\": a } without {" },
	{ "named headers without a list",
	    "{" HMAC "," SIG ",\"content\":\"{headers:h=}{body}\"}",
	    "x.json: /content: \"headers:h=\" needs \"split\" in sig" },
	{ "an older version without a newer",
	    "{" HMAC "," SIG "," BODY ",\"older\":{\"prefix\":\"v0=\","
	    "\"content\":\"{body}\"}}",
	    "x.json: /older: needs a signature with \"split\" and "
	    "\"prefix\"" },
	{ "an older version that is the newer",
	    "{" HMAC "," LIST_SIG "," BODY ",\"older\":{\"prefix\":"
	    "\"v1=\",\"content\":\"{body}\"}}",
	    "x.json: /older/prefix: is that of sig as well" },
	{ "an older version that signs nothing",
	    "{" HMAC "," LIST_SIG "," BODY ",\"older\":{\"prefix\":"
	    "\"v0=\",\"content\":\"v0\"}}",
	    "x.json: /older/content: covers nothing of a request" },
	{ "a time that the older version leaves out",
	    "{" HMAC "," LIST_SIG ",\"content\":\"{item:t=}.{body}\","
	    "\"older\":{\"prefix\":\"v0=\",\"content\":\"{body}\"},"
	    "\"time\":{\"from\":\"item:t=\",\"unit\":\"s\"}}",
	    "x.json: /time/from: \"item:t=\" is not in the signed content, "
	    "so whoever repeats a request can make it new" },
	{ "sig.from in a list",
	    "{\"sig\":{\"from\":[\"header:A\",\"haeder:B\"]}}",
	    "x.json: /sig/from/1: \"haeder\" is no source; was \"header\" "
	    "meant?" },
	{ "too many of them",
	    "{\"required\":[\"/a\",\"/a\",\"/a\",\"/a\",\"/a\",\"/a\","
	    "\"/a\",\"/a\",\"/a\",\"/a\",\"/a\",\"/a\",\"/a\",\"/a\","
	    "\"/a\",\"/a\",\"/a\"]}",
	    "x.json: /required: has more than 16 members" },

	{ "a prefix of nothing", "{\"key\":{\"strip\":[\"\"]}}",
	    "x.json: /key/strip/0: must not be empty" },
	{ "key.enc is none", "{\"key\":{\"enc\":\"base64url\"}}",
	    "x.json: /key/enc: must be one of \"utf8\", \"base64\", "
	    "\"hex\"" },

	{ "an unknown hole", "{\"content\":\"{bdy}\"}",
	    "x.json: /content: \"bdy\" is no source; was \"body\" meant?" },
	{ "a brace too few", "{\"content\":\"{body\"}",
	    "x.json: /content: \"{body\": a { without its }" },
	{ "a brace too many", "{\"content\":\"body}\"}",
	    "x.json: /content: \"}\": a } without {" },
	{ "a brace in a brace", "{\"content\":\"{item:{t}}\"}",
	    "x.json: /content: \"{item:{t}}\": a { without its }" },
	{ "body with a name", "{\"content\":\"{body:x}\"}",
	    "x.json: /content: \"body:x\" takes nothing behind a colon" },
	{ "header without a name", "{\"content\":\"{header:}\"}",
	    "x.json: /content: \"header:\" needs a name behind a colon" },
	{ "header without a colon", "{\"content\":\"{header}\"}",
	    "x.json: /content: \"header\" needs a name behind a colon" },
	{ "no header's name", "{\"content\":\"{header:X Sig}\"}",
	    "x.json: /content: \"header:X Sig\" names no header" },
	{ "a line end in a name", "{\"content\":\"{query:a\\nb}\"}",
	    "x.json: /content: \"query:a?b\" needs a name behind a "
	    "colon" },
	{ "numbered headers signed", "{\"content\":\"{header:X-*}\"}",
	    "x.json: /content: \"header:X-*\": numbered headers are for "
	    "sig.from alone" },
	{ "no pointer", "{\"content\":\"{json:id}\"}",
	    "x.json: /content: \"json:id\" is no JSON pointer (RFC 6901): "
	    "/member/0" },
	{ "a wrong escape in a pointer", "{\"content\":\"{json:/a~2}\"}",
	    "x.json: /content: \"json:/a~2\" is no JSON pointer (RFC "
	    "6901): /member/0" },
	{ "too many pieces",
	    "{\"content\":\"{body}{body}{body}{body}{body}{body}{body}"
	    "{body}{body}{body}{body}{body}{body}{body}{body}{body}{body}"
	    "{body}{body}{body}{body}{body}{body}{body}{body}\"}",
	    "x.json: /content: more than 24 pieces" },
	{ "a source without its braces", "{\"id\":\"json:/id\"}",
	    "x.json: /id: \"json:/id\" is a source; put it in braces" },
	{ "the same in a list",
	    "{\"type\":[\"{json:/type}\",\"header:X-Event\"]}",
	    "x.json: /type/1: \"header:X-Event\" is a source; put it in "
	    "braces" },
	{ "content without its braces", "{\"content\":\"body\"}",
	    "x.json: /content: \"body\" is a source; put it in braces" },
	{ "a source with braces", "{\"time\":{\"from\":\"{json:/t}\"}}",
	    "x.json: /time/from: \"{json\" is no source; was \"json\" "
	    "meant?" },
	{ "an id for all", "{" HMAC "," SIG "," BODY ",\"id\":\"event\"}",
	    "x.json: /id: \"event\" is the same for every event" },
	{ "the body in an id", "{\"id\":\"{body}\"}",
	    "x.json: /id: \"body\" cannot stand here" },
	{ "nothing of a request is signed",
	    "{" HMAC "," SIG ",\"content\":\"v1:{param:p}\"}",
	    "x.json: /content: covers nothing of a request" },

	{ "a plain digest without its key",
	    "{\"alg\":\"sha256\"," SIG "," BODY "}",
	    "x.json: /content: a plain digest needs {key} in it, or "
	    "anybody can make one" },
	{ "a key in the content of a MAC",
	    "{" HMAC "," SIG ",\"content\":\"{key}{body}\"}",
	    "x.json: /content: {key} is for plain digests; hmac-sha256 has "
	    "its key anyway" },
	{ "equal with content",
	    "{\"alg\":\"equal\",\"sig\":{\"from\":\"header:X\"}," BODY "}",
	    "x.json: /content: \"equal\" signs nothing; leave it out" },
	{ "equal, decoded", "{\"alg\":\"equal\"," SIG "}",
	    "x.json: /sig/enc: \"equal\" compares text; leave it out" },
	{ "equal, key decoded",
	    "{\"alg\":\"equal\",\"sig\":{\"from\":\"header:X\"},"
	    "\"key\":{\"enc\":\"hex\"}}",
	    "x.json: /key/enc: \"equal\" compares text; leave it out" },
	{ "a signature that signs itself",
	    "{" HMAC "," BODY
	    ",\"sig\":{\"from\":\"json:/s\",\"enc\":\"hex\"}}",
	    "x.json: /sig/from: a signature that stands in the body cannot "
	    "cover {body}" },

	{ "time without a source", "{\"time\":{\"unit\":\"s\"}}",
	    "x.json: /time/from: is missing" },
	{ "time without a unit", "{\"time\":{\"from\":\"header:T\"}}",
	    "x.json: /time/unit: is missing" },
	{ "an unknown unit", "{\"time\":{\"unit\":\"sec\"}}",
	    "x.json: /time/unit: must be one of \"s\", \"ms\", "
	    "\"rfc3339\"" },
	{ "a window below nothing", "{\"time\":{\"past\":-1}}",
	    "x.json: /time/past: must be from 0 to 316224000" },
	{ "a window of a fraction", "{\"time\":{\"past\":0.5}}",
	    "x.json: /time/past: must be a whole number below 2^53 either "
	    "side" },
	{ "a window that is text", "{\"time\":{\"future\":\"off\"}}",
	    "x.json: /time/future: must be a whole number" },
	{ "a time header that nobody signs",
	    "{" HMAC "," SIG "," BODY
	    ",\"time\":{\"from\":\"header:T\",\"unit\":\"s\"}}",
	    "x.json: /time/from: \"header:T\" is not in the signed content, "
	    "so whoever repeats a request can make it new" },
	{ "a time item that nobody signs",
	    "{" HMAC "," LIST_SIG "," BODY
	    ",\"time\":{\"from\":\"item:t=\",\"unit\":\"s\"}}",
	    "x.json: /time/from: \"item:t=\" is not in the signed content, "
	    "so whoever repeats a request can make it new" },
	{ "a time in a body that nobody signs",
	    "{" HMAC "," SIG ",\"content\":\"{header:A}\""
	    ",\"time\":{\"from\":\"json:/t\",\"unit\":\"s\"}}",
	    "x.json: /time/from: \"json:/t\" is not in the signed content, "
	    "so whoever repeats a request can make it new" },
	{ "a time in another member than the signed one",
	    "{" HMAC "," SIG ",\"content\":\"{json:/a}\""
	    ",\"time\":{\"from\":\"json:/t\",\"unit\":\"s\"}}",
	    "x.json: /time/from: \"json:/t\" is not in the signed content, "
	    "so whoever repeats a request can make it new" },
	{ "a time in a query that nobody signs",
	    "{" HMAC "," SIG "," BODY
	    ",\"time\":{\"from\":\"query:t\",\"unit\":\"s\"}}",
	    "x.json: /time/from: \"query:t\" is not in the signed content, "
	    "so whoever repeats a request can make it new" },
	{ "a time beside a token",
	    "{\"alg\":\"equal\",\"sig\":{\"from\":\"header:X\"},"
	    "\"time\":{\"from\":\"json:/t\",\"unit\":\"s\"}}",
	    "x.json: /time/from: \"json:/t\" is not in the signed content, "
	    "so whoever repeats a request can make it new" },
	{ "a digest that nobody signs",
	    "{" HMAC "," SIG ",\"content\":\"{header:A}\",\"digest\":"
	    "{\"from\":\"header:D\",\"alg\":\"sha256\",\"enc\":\"hex\"}}",
	    "x.json: /digest/from: \"header:D\" is not in the signed "
	    "content, so whoever changes the body can change it too" },
	{ "a digest of an unknown kind", "{\"digest\":{\"alg\":\"md5\"}}",
	    "x.json: /digest/alg: must be one of \"sha256\", \"sha512\", "
	    "\"sha1\"" },
	{ "half a digest", "{\"digest\":{\"from\":\"query:d\"}}",
	    "x.json: /digest/alg: is missing" },
	{ "an item without a list",
	    "{" HMAC "," SIG ",\"content\":\"{item:t=}{body}\"}",
	    "x.json: /content: \"item:t=\" needs \"split\" in sig" },
	{ "an item of two headers",
	    "{" HMAC ",\"sig\":{\"from\":[\"header:A\",\"header:B\"],"
	    "\"split\":\",\",\"enc\":\"hex\"},"
	    "\"content\":\"{item:t=}{body}\"}",
	    "x.json: /content: \"item:t=\" needs one header in sig.from" },
	{ "an item in an id",
	    "{" HMAC "," SIG "," BODY ",\"id\":\"{item:id=}\"}",
	    "x.json: /id: \"item:id=\" needs \"split\" in sig" },

	{ "require without a value", "{\"require\":\"header:V =\"}",
	    "x.json: /require: must read \"SOURCE = VALUE\"" },
	{ "require without a source", "{\"require\":[\"V = 1\"]}",
	    "x.json: /require/0: \"V\" is no source" },
	{ "ports without a URL",
	    "{" HMAC "," SIG "," BODY ",\"url\":{\"ports\":\"both\"}}",
	    "x.json: /url/ports: the content has no {url}" },
	{ "a decoded URL without a URL",
	    "{" HMAC "," SIG "," BODY ",\"url\":{\"decode\":\"%3A\"}}",
	    "x.json: /url/decode: the content has no {url}" },
	{ "an escape that is none", "{\"url\":{\"decode\":[\"%3A\",\":\"]}}",
	    "x.json: /url/decode/1: must be an escape, as in \"%3A\"" },
	{ "an escape of four", "{\"url\":{\"decode\":\"%3AB\"}}",
	    "x.json: /url/decode: must be an escape, as in \"%3A\"" },
	{ "an escape that keeps apart", "{\"url\":{\"decode\":\"%26\"}}",
	    "x.json: /url/decode: \"%26\" keeps apart what stands beside it: "
	    "without it the same signature fits other URLs" },
	{ "an escape of an escape", "{\"url\":{\"decode\":\"%25\"}}",
	    "x.json: /url/decode: \"%25\" keeps apart what stands beside it: "
	    "without it the same signature fits other URLs" },
	{ "a method of another kind", "{\"methods\":[\"POST\",\"PUT\"]}",
	    "x.json: /methods/1: must be one of \"POST\", \"GET\"" },
	{ "no method", "{\"methods\":[]}",
	    "x.json: /methods: must not be empty" },
	{ "GET whose query nobody signs",
	    "{" HMAC "," SIG "," BODY ",\"methods\":[\"POST\",\"GET\"]}",
	    "x.json: /methods: an event by GET stands in its query, which "
	    "needs {url} in content" },
	{ "a question by POST where none comes",
	    "{" HMAC "," SIG ",\"content\":\"{url}\",\"methods\":\"GET\","
	    "\"handshake\":[{\"signed\":false,\"when\":\"json:/a\"}]}",
	    "x.json: /handshake/0/method: \"methods\" of the scheme has no "
	    "POST" },
	{ "another word for what is signed", "{\"signs\":\"packed\"}",
	    "x.json: /signs: must be one of \"decoded\", \"wire\"" },
	{ "an unpacked body that nobody signs",
	    "{" HMAC "," SIG ",\"content\":\"{url}\",\"signs\":\"decoded\"}",
	    "x.json: /signs: the content has no {body}" },
	{ "JSON in a header", "{\"json_in\":\"header:X\"}",
	    "x.json: /json_in: \"header:X\" cannot stand here" },
	{ "JSON in a form, and a plain digest",
	    "{\"alg\":\"sha256\"," SIG ",\"content\":\"{key}{body}\","
	    "\"body\":\"json\",\"json_in\":\"form:p\"}",
	    "x.json: /json_in: a plain digest lets anybody add bytes to a "
	    "form" },
	{ "JSON in a form, and a MAC for the asking",
	    "{" HMAC "," SIG "," BODY ",\"body\":\"json\",\"json_in\":"
	    "\"form:p\",\"handshake\":[{\"when\":\"json:/a\",\"reply\":"
	    "{\"text\":\"{hex(hmac(json:/a))}\"}}]}",
	    "x.json: /handshake/0/reply: hmac() and \"json_in\" exclude each "
	    "other" },
	{ "a test by a header that nobody signs",
	    "{" HMAC "," SIG "," BODY ",\"type\":\"{header:E}\","
	    "\"test_types\":\"ping\"}",
	    "x.json: /test_types: the type is not in the signed content, so "
	    "whoever repeats a request can make it a test" },
	{ "a test of no type",
	    "{" HMAC "," SIG "," BODY ",\"test_types\":\"ping\"}",
	    "x.json: /test_types: the type is not in the signed content, so "
	    "whoever repeats a request can make it a test" },
	{ "required fields of anything",
	    "{" HMAC "," SIG "," BODY ",\"required\":[\"/id\"]}",
	    "x.json: /required: needs \"body\": \"json\"" },
	{ "a required field that is no pointer", "{\"required\":\"id\"}",
	    "x.json: /required: \"json:id\" is no JSON pointer (RFC 6901): "
	    "/member/0" },
	{ "a refusal that is none", "{\"status\":{\"invalid\":200}}",
	    "x.json: /status/invalid: must be from 400 to 599" },
	{ "a success that is none", "{\"reply\":{\"status\":302}}",
	    "x.json: /reply/status: must be from 200 to 299" },
	{ "an emptiness that is none", "{\"reply\":{\"empty\":1}}",
	    "x.json: /reply/empty: must be true or false" },
	{ "a link to nowhere", "{\"link\":\"www.example.com\"}",
	    "x.json: /link: must be a web address" },
	{ "a secret from elsewhere", "{\"secret_from\":\"user\"}",
	    "x.json: /secret_from: must be one of \"provider\", "
	    "\"operator\"" },
	{ "a secret from anywhere", "{\"secret_in\":{\"from\":\"query:s\"}}",
	    "x.json: /secret_in/from: \"query:s\" cannot stand here" },
	{ "a secret that comes as a text", "{\"secret_in\":\"header:S\"}",
	    "x.json: /secret_in: must be an object, not a string" },
	{ "a secret that comes from nowhere", "{\"secret_in\":{\"echo\":true}}",
	    "x.json: /secret_in/from: is missing" },
	{ "a secret that is sent back elsewhere",
	    "{\"secret_in\":{\"from\":\"header:S\",\"echo\":\"X\"}}",
	    "x.json: /secret_in/echo: must be true or false" },
	{ "a secret that comes, where the operator makes it",
	    "{" HMAC "," SIG "," BODY ",\"secret_from\":\"operator\","
	    "\"secret_in\":{\"from\":\"header:S\"}}",
	    "x.json: /secret_in: the operator makes the secrets of this "
	    "scheme: /secret_from must be \"provider\"" },
	{ "a secret of a body that is sent back",
	    "{" HMAC "," SIG "," BODY ",\"secret_from\":\"provider\","
	    "\"secret_in\":{\"from\":\"json:/s\",\"echo\":true}}",
	    "x.json: /secret_in/echo: only a header is answered in one: "
	    "/secret_in/from must be \"header:NAME\"" },
	{ "a secret in one of two headers",
	    "{" HMAC "," SIG "," BODY ",\"secret_from\":\"provider\","
	    "\"secret_in\":{\"from\":\"header:S,T\"}}",
	    "x.json: /secret_in/from: must name one header" },
	{ "a secret that is sent back as a cookie",
	    "{" HMAC "," SIG "," BODY ",\"secret_from\":\"provider\","
	    "\"secret_in\":{\"from\":\"header:Set-Cookie\",\"echo\":true}}",
	    "x.json: /secret_in/echo: cannot be set by a rule" },
	{ "a body of XML", "{\"body\":\"xml\"}",
	    "x.json: /body: must be one of \"json\", \"any\"" },
	{ "an envelope with an unknown hole",
	    "{\"envelope\":{\"a\":\"{tyep}\"}}",
	    "x.json: /envelope: \"{tyep}\" is not known; was \"{type}\" "
	    "meant?" },
	{ "an envelope with data in a string",
	    "{\"envelope\":{\"a\":\"x{data}\"}}",
	    "x.json: /envelope: \"{data}\" must be the whole of a string" },
	{ "an envelope with half a hole", "{\"envelope\":{\"a\":\"{id\"}}",
	    "x.json: /envelope: a { without its }" },
	{ "an envelope that is none", "{\"envelope\":[]}",
	    "x.json: /envelope: must be an object, not an array" },
};

START_TEST(unsafe_and_unknown_is_refused)
{
	struct scheme_warnings warnings = { .n = 9 };
	struct scheme *sc = NULL;
	struct err err = ERR_INIT;

	ck_assert_msg(load(refused[_i].text, &sc, &warnings, &err) == -1,
	    "%s: it loads", refused[_i].when);
	ck_assert_int_eq(err.code, ERR_CONFIG);
	ck_assert_msg(strcmp(err.text, refused[_i].says) == 0,
	    "%s:\n%s\nnot\n%s", refused[_i].when, err.text, refused[_i].says);
	ck_assert_ptr_null(sc);
}
END_TEST

static const struct {
	const char *when, *text;
	const char *warning; /* NULL: none */
	bool id_signed;
} taken[] = {
	{ "the least there is", "{" HMAC "," SIG "," BODY "}", NULL, false },
	{ "an id in the signed body",
	    "{" HMAC "," SIG "," BODY ",\"id\":\"{json:/id}\"}", NULL, true },
	{ "an id in a header",
	    "{" HMAC "," SIG "," BODY ",\"id\":\"{header:I}\"}", NULL, false },
	{ "an id in a signed header, whatever its case",
	    "{" HMAC "," SIG ",\"content\":\"{header:i}{body}\","
	    "\"id\":\"{header:I}\"}",
	    NULL, true },
	{ "one of two ids signed",
	    "{" HMAC "," SIG "," BODY
	    ",\"id\":[\"{json:/id}\",\"{header:I}\"]}",
	    NULL, false },
	{ "a form, signed without what divides its names and values",
	    "{" HMAC "," SIG ",\"content\":\"{form*}\",\"id\":\"{form:id}\"}",
	    "x.json: /content: does not cover {body}: whoever has seen a "
	    "request can send another body with its signature",
	    false },
	{ "a query in the signed URL",
	    "{" HMAC "," SIG
	    ",\"content\":\"{url}{body}\",\"id\":\"{query:id}\"}",
	    NULL, true },
	{ "an unsigned query",
	    "{" HMAC "," SIG "," BODY ",\"id\":\"{query:id}\"}", NULL, false },
	{ "a digest in the signed URL",
	    "{" HMAC "," SIG
	    ",\"content\":\"{url}\",\"id\":\"{json:/id}\",\"digest\":{"
	    "\"from\":\"query:d\",\"alg\":\"sha1\",\"enc\":\"base64url\"}}",
	    NULL, true },
	{ "a body that nobody signs",
	    "{" HMAC "," SIG
	    ",\"content\":\"{header:T}\",\"id\":\"{json:/id}\"}",
	    "x.json: /content: does not cover {body}: whoever has seen a "
	    "request can send another body with its signature",
	    false },
	{ "a token", "{\"alg\":\"equal\",\"sig\":{\"from\":\"header:X\"}}",
	    "x.json: /alg: \"equal\" covers nothing of a request: whoever "
	    "has seen the token can send anything",
	    false },
	{ "a time in the signed body",
	    "{" HMAC "," SIG "," BODY
	    ",\"time\":{\"from\":\"json:/t\",\"unit\":\"ms\"}}",
	    NULL, false },
	{ "an optional header is signed when it is there",
	    "{" HMAC "," SIG ",\"content\":\"{header:T?}{body}\","
	    "\"time\":{\"from\":\"header:T\",\"unit\":\"ms\"}}",
	    NULL, false },
};

START_TEST(safe_files_load)
{
	struct scheme_warnings warnings;
	struct scheme *sc = NULL;
	struct err err = ERR_INIT;

	ck_assert_msg(load(taken[_i].text, &sc, &warnings, &err) == 0, "%s: %s",
	    taken[_i].when, err.text);
	ck_assert_uint_eq(warnings.n, taken[_i].warning == NULL ? 0 : 1);
	if (warnings.n > 0)
		ck_assert_str_eq(warnings.text[0], taken[_i].warning);
	ck_assert_msg(
	    scheme_id_signed(sc) == taken[_i].id_signed, "%s", taken[_i].when);
	ck_assert(span_is(scheme_text(sc), taken[_i].text));
	scheme_free(sc);
}
END_TEST

START_TEST(a_scheme_says_what_its_file_says)
{
	struct scheme *sc = loaded(
	    "{" HMAC "," LIST_SIG ",\"content\":\"{item:t=}.{body}\","
	    "\"title\":\"T\",\"link\":\"https://e.org\",\"notes\":\"N\","
	    "\"secret_from\":\"operator\",\"retry_body\":\"same\","
	    "\"body\":\"json\",\"test_types\":[\"a\",\"b\"],"
	    "\"type\":\"{json:/type}\","
	    "\"time\":{\"from\":\"item:t=\",\"unit\":\"s\",\"past\":7},"
	    "\"status\":{\"missing\":400,\"invalid\":403,\"expired\":410},"
	    "\"id\":[\"{header:X-Id}\",\"{header:x-sig}\"],"
	    "\"require\":\"header:X-V = a=b\","
	    "\"reply\":{\"status\":204}}");
	const char *const *names;

	ck_assert_str_eq(scheme_name(sc), "x");
	ck_assert_str_eq(scheme_title(sc), "T");
	ck_assert_str_eq(scheme_link(sc), "https://e.org");
	ck_assert_str_eq(scheme_notes(sc), "N");
	ck_assert_str_eq(scheme_algorithm(sc), "hmac-sha256");
	ck_assert(!scheme_secret_from_provider(sc));
	ck_assert_int_eq(scheme_retry_body(sc), SCHEME_RETRY_SAME);
	ck_assert(scheme_body_is_json(sc));
	ck_assert(scheme_is_test_type(sc, span_str("b")));
	ck_assert(!scheme_is_test_type(sc, span_str("test.event")));
	ck_assert_int_eq(scheme_tolerance_s(sc), 7);
	ck_assert(!scheme_needs_url(sc));
	ck_assert_int_eq(scheme_status(sc)->missing, 400);
	ck_assert_int_eq(scheme_status(sc)->invalid, 403);
	ck_assert_int_eq(scheme_status(sc)->expired, 410);
	ck_assert_int_eq(scheme_status(sc)->success, 204);
	ck_assert(scheme_status(sc)->empty_reply);
	ck_assert_uint_eq(scheme_headers(sc, &names), 3);
	ck_assert_str_eq(names[0], "x-sig");
	ck_assert_str_eq(names[1], "x-v");
	ck_assert_str_eq(names[2], "x-id");
	scheme_free(sc);
}
END_TEST

START_TEST(what_is_not_said_has_a_default)
{
	struct scheme *sc = loaded("{\"alg\":\"equal\",\"sig\":{\"from\":["
				   "\"header:A-*\",\"header:B\"]}}");
	const char *const *names;

	ck_assert_str_eq(scheme_title(sc), "x");
	ck_assert_ptr_null(scheme_link(sc));
	ck_assert_ptr_null(scheme_notes(sc));
	ck_assert(scheme_secret_from_provider(sc));
	ck_assert_int_eq(scheme_retry_body(sc), SCHEME_RETRY_UNKNOWN);
	ck_assert_int_eq(scheme_repeats(sc), SCHEME_REPEATS_NEVER);
	ck_assert(!scheme_body_is_json(sc));
	ck_assert(!scheme_is_test_type(sc, span_str("test.event")));
	ck_assert(!scheme_is_test_type(sc, SPAN_EMPTY));
	ck_assert_int_eq(scheme_tolerance_s(sc), -1);
	ck_assert_int_eq(scheme_status(sc)->missing, 401);
	ck_assert_int_eq(scheme_status(sc)->invalid, 401);
	ck_assert_int_eq(scheme_status(sc)->expired, 401);
	ck_assert_int_eq(scheme_status(sc)->success, 200);
	ck_assert(!scheme_status(sc)->empty_reply);
	ck_assert_uint_eq(scheme_headers(sc, &names), 2);
	ck_assert_str_eq(names[0], "a-*");
	ck_assert_str_eq(names[1], "b");
	scheme_free(sc);
}
END_TEST

/* Tests are never deduped, so nobody but the provider may make one. */
static const struct {
	const char *when, *text;
	bool want;
} tests[] = {
	{ "a signed type",
	    "{" HMAC "," SIG "," BODY ",\"type\":\"{json:/type}\"}", true },
	{ "a type in a header that nobody signs",
	    "{" HMAC "," SIG "," BODY ",\"type\":\"{header:E}\"}", false },
	{ "one of two",
	    "{" HMAC "," SIG "," BODY
	    ",\"type\":[\"{json:/type}\",\"{header:E}\"]}",
	    false },
	{ "no tests wanted",
	    "{" HMAC "," SIG "," BODY ",\"type\":\"{json:/type}\","
	    "\"test_types\":[]}",
	    false },
};

START_TEST(only_a_signed_type_makes_a_test)
{
	struct scheme *sc = loaded(tests[_i].text);

	ck_assert_msg(
	    scheme_is_test_type(sc, span_str("test.event")) == tests[_i].want,
	    "%s", tests[_i].when);
	scheme_free(sc);
}
END_TEST

static const struct {
	const char *path, *name, *says;
} names[] = {
	{ "/a/b/my-scheme2.json", "my-scheme2", NULL },
	{ "My.json", NULL,
	    "My.json: a scheme's name is 1 to 64 of a-z, 0-9 and \"-\"" },
	{ ".json", NULL,
	    ".json: a scheme's name is 1 to 64 of a-z, 0-9 and \"-\"" },
	{ "a.jsn", NULL, "a.jsn: the file's name must end in \".json\"" },
};

START_TEST(a_scheme_has_its_files_name)
{
	struct scheme *sc = NULL;
	struct err err = ERR_INIT;
	int ret = scheme_parse(names[_i].path,
	    span_str("{" HMAC "," SIG "," BODY "}"), &sc, NULL, &err);

	if (names[_i].name != NULL) {
		ck_assert_int_eq(ret, 0);
		ck_assert_str_eq(scheme_name(sc), names[_i].name);
	} else {
		ck_assert_int_eq(ret, -1);
		ck_assert_str_eq(err.text, names[_i].says);
	}
	scheme_free(sc);
}
END_TEST

/* --- keys ---------------------------------------------------------------- */

#define KEY(alg, rest) \
	"{\"alg\":\"" alg "\"," SIG "," BODY ",\"key\":{" rest "}}"

static const struct {
	const char *when, *scheme, *secret, *says; /* NULL: it is taken */
} keys[] = {
	{ "text", KEY("hmac-sha256", ""), "s", NULL },
	{ "text with blanks", KEY("hmac-sha256", ""), " s ", NULL },
	{ "nothing", KEY("hmac-sha256", ""), "", "the secret is empty" },
	{ "a prefix and nothing", KEY("hmac-sha256", "\"strip\":\"whsec_\""),
	    "whsec_", "the secret has nothing behind \"whsec_\"" },
	{ "the second prefix and nothing",
	    KEY("hmac-sha256", "\"strip\":[\"a_\",\"b_\"]"), "b_",
	    "the secret has nothing behind \"b_\"" },
	{ "no prefix", KEY("hmac-sha256", "\"strip\":\"whsec_\""), "x", NULL },
	{ "base64", KEY("hmac-sha256", "\"enc\":\"base64\""), "AAAA", NULL },
	{ "no base64",
	    KEY("hmac-sha256", "\"enc\":\"base64\",\"strip\":\"whsec_\""),
	    "whsec_a_secret",
	    "the secret is not base64 (with its padding) behind "
	    "\"whsec_\"" },
	{ "base64 without padding", KEY("hmac-sha256", "\"enc\":\"base64\""),
	    "AAA", "the secret is not base64 (with its padding)" },
	{ "base64 of nothing", KEY("hmac-sha256", "\"enc\":\"base64\""),
	    "====", "the secret is not base64 (with its padding)" },
	{ "hex", KEY("hmac-sha256", "\"enc\":\"hex\""), "00ff", NULL },
	{ "no hex", KEY("hmac-sha256", "\"enc\":\"hex\""), "0g",
	    "the secret is not hex" },
	{ "a public key", KEY("ed25519", "\"enc\":\"hex\""),
	    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
	    NULL },
	{ "a public key as PEM, whatever the encoding",
	    KEY("ed25519", "\"enc\":\"hex\""),
	    "-----BEGIN PUBLIC KEY-----\n"
	    "MCowBQYDK2VwAyEAWQz3l1kK4XIVK3vYQ1NZLZ7tvyrUaTgwM68F1Evfe9k=\n"
	    "-----END PUBLIC KEY-----\n",
	    NULL },
	{ "a letter in Unicode form NFKD",
	    KEY("hmac-sha256", "\"form\":\"nfkd\""), "s\xc3\xa9", NULL },
	{ "a letter whose form is not known",
	    KEY("hmac-sha256", "\"form\":\"nfkd\""), "s\xd0\x96",
	    "the secret holds a letter whose Unicode form NFKD is not known "
	    "here; only Latin ones are" },
	{ "no letter at all", KEY("hmac-sha256", "\"form\":\"nfkd\""), "s\xc3",
	    "the secret is not UTF-8" },
	{ "no public key", KEY("ed25519", "\"enc\":\"hex\""), "00",
	    "not a public key (32 bytes, SubjectPublicKeyInfo or PEM)" },
	{ "a public key for which anybody can sign",
	    KEY("ed25519", "\"enc\":\"hex\""),
	    "0100000000000000000000000000000000000000000000000000000000000000",
	    "an Ed25519 key of small order, for which anybody can sign" },
};

START_TEST(secrets_become_keys)
{
	struct scheme *sc = loaded(keys[_i].scheme);
	struct scheme_key *key = NULL;
	struct err err = ERR_INIT;
	int ret = scheme_key_make(sc, span_str(keys[_i].secret), &key, &err);

	if (keys[_i].says == NULL) {
		ck_assert_msg(ret == 0, "%s: %s", keys[_i].when, err.text);
	} else {
		ck_assert_msg(ret == -1, "%s", keys[_i].when);
		ck_assert_int_eq(err.code, ERR_INPUT);
		ck_assert_str_eq(err.text, keys[_i].says);
	}
	scheme_key_free(key);
	scheme_free(sc);
}
END_TEST

static const struct {
	const char *scheme, *prefix;
	size_t len; /* 0: cannot be made */
} made[] = {
	{ KEY("hmac-sha256", ""), "", 64 },
	{ KEY("hmac-sha256", "\"enc\":\"base64\",\"strip\":\"whsec_\""),
	    "whsec_", 6 + 44 },
	{ KEY("hmac-sha512", "\"enc\":\"hex\""), "", 64 },
	{ "{\"alg\":\"equal\",\"sig\":{\"from\":\"header:X\"}}", "", 64 },
	{ KEY("ed25519", "\"enc\":\"base64\""), "", 0 },
};

START_TEST(secrets_are_made)
{
	struct scheme *sc = loaded(made[_i].scheme);
	struct buf one = BUF_INIT(256), two = BUF_INIT(256);
	struct scheme_key *key = NULL;
	struct err err = ERR_INIT;
	int ret = scheme_secret_generate(sc, &one, &err);

	if (made[_i].len == 0) {
		ck_assert_int_eq(ret, -1);
		ck_assert_int_eq(err.code, ERR_USAGE);
	} else {
		ck_assert_int_eq(ret, 0);
		ck_assert_int_eq(scheme_secret_generate(sc, &two, &err), 0);
		ck_assert_uint_eq(one.len, made[_i].len);
		ck_assert(span_starts(buf_span(&one), made[_i].prefix));
		ck_assert(!span_eq(buf_span(&one), buf_span(&two)));
		ck_assert_int_eq(
		    scheme_key_make(sc, buf_span(&one), &key, &err), 0);
	}
	scheme_key_free(key);
	buf_free(&one);
	buf_free(&two);
	scheme_free(sc);
}
END_TEST

/* --- folders ------------------------------------------------------------- */

static void
put_file(const char *dir, const char *name, const char *text)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

static void
drop_file(const char *dir, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	ck_assert_int_eq(unlink(path), 0);
}

struct told {
	size_t n;
	char text[512];
};

static void
tell(void *arg, const struct err *err)
{
	struct told *told = arg;

	told->n++;
	snprintf(told->text, sizeof(told->text), "%s", err->text);
}

START_TEST(a_later_folder_overrides)
{
	char first[] = "/tmp/eyelet-schemes-XXXXXX";
	char second[] = "/tmp/eyelet-schemes-XXXXXX";
	struct scheme_set *set = NULL;
	struct told told = { 0, "" };
	struct err err = ERR_INIT;
	const char *dirs[3];

	ck_assert_ptr_nonnull(mkdtemp(first));
	ck_assert_ptr_nonnull(mkdtemp(second));
	put_file(
	    first, "b.json", "{\"title\":\"1\"," HMAC "," SIG "," BODY "}");
	put_file(
	    first, "a.json", "{\"title\":\"1\"," HMAC "," SIG "," BODY "}");
	put_file(first, "broken.json", "{");
	put_file(first, ".hidden.json", "{");
	put_file(first, "README", "no scheme");
	put_file(
	    second, "b.json", "{\"title\":\"2\"," HMAC "," SIG "," BODY "}");
	dirs[0] = first;
	dirs[1] = "/nonexistent/eyelet";
	dirs[2] = second;
	ck_assert_msg(scheme_set_load(dirs, 3, tell, &told, &set, &err) == 0,
	    "%s", err.text);
	ck_assert_uint_eq(scheme_set_count(set), 2);
	ck_assert_str_eq(scheme_name(scheme_set_at(set, 0)), "a");
	ck_assert_str_eq(scheme_name(scheme_set_at(set, 1)), "b");
	ck_assert_str_eq(scheme_title(scheme_set_find(set, "a")), "1");
	ck_assert_str_eq(scheme_title(scheme_set_find(set, "b")), "2");
	ck_assert_ptr_null(scheme_set_find(set, "broken"));
	ck_assert_ptr_null(scheme_set_find(set, ""));
	ck_assert_uint_eq(told.n, 1);
	ck_assert_ptr_nonnull(strstr(told.text, "/broken.json: line 1: "));
	scheme_set_free(set);
	drop_file(first, "a.json");
	drop_file(first, "b.json");
	drop_file(first, "broken.json");
	drop_file(first, ".hidden.json");
	drop_file(first, "README");
	drop_file(second, "b.json");
	ck_assert_int_eq(rmdir(first), 0);
	ck_assert_int_eq(rmdir(second), 0);
}
END_TEST

START_TEST(files_that_cannot_be_read_are_named)
{
	char dir[] = "/tmp/eyelet-schemes-XXXXXX", path[64];
	struct scheme *sc = NULL;
	struct err err = ERR_INIT;
	char *big;

	ck_assert_int_eq(
	    scheme_load("/nonexistent/x.json", &sc, NULL, &err), -1);
	ck_assert_int_eq(err.code, ERR_NOTFOUND);
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/d.json", dir);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(scheme_load(path, &sc, NULL, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "is no regular file"));
	ck_assert_int_eq(rmdir(path), 0);
	big = malloc(SCHEME_FILE_MAX + 2);
	ck_assert_ptr_nonnull(big);
	memset(big, ' ', SCHEME_FILE_MAX + 1);
	big[SCHEME_FILE_MAX + 1] = '\0';
	put_file(dir, "big.json", big);
	free(big);
	snprintf(path, sizeof(path), "%s/big.json", dir);
	ck_assert_int_eq(scheme_load(path, &sc, NULL, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "is longer than 262144"));
	drop_file(dir, "big.json");
	ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("scheme");
	TCase *tc = tcase_create("files");
	SRunner *sr;
	int failed;

	tcase_add_loop_test(
	    tc, unsafe_and_unknown_is_refused, 0, NITEMS(refused));
	tcase_add_loop_test(tc, safe_files_load, 0, NITEMS(taken));
	tcase_add_test(tc, a_scheme_says_what_its_file_says);
	tcase_add_test(tc, what_is_not_said_has_a_default);
	tcase_add_loop_test(
	    tc, only_a_signed_type_makes_a_test, 0, NITEMS(tests));
	tcase_add_loop_test(tc, a_scheme_has_its_files_name, 0, NITEMS(names));
	tcase_add_loop_test(tc, secrets_become_keys, 0, NITEMS(keys));
	tcase_add_loop_test(tc, secrets_are_made, 0, NITEMS(made));
	tcase_add_test(tc, a_later_folder_overrides);
	tcase_add_test(tc, files_that_cannot_be_read_are_named);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
