#!/usr/bin/env python3
"""Events go out as signed requests, and what is answered decides what
becomes of them: delivered, tried again by plan, dead, or the destination is
disabled. One deliverer serves them all."""
import os
import gzip
import ssl
import sys

sys.dont_write_bytecode = True

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from deliver_stand import (Answer, Sink, check, ids, run_parts, signatures,
                           wait_for)


def is_sent_as_it_came(st, sink, ca):
    """Over TLS, verified; signed, with all that a receiver needs."""
    added = st.destination("crm", sink.url("/crm"), ca=ca.file,
                           allow_http=False)
    st.accept("evt_1")
    st.wait_words("delivery=delivered destination=crm")
    st.accept("evt_2")
    first, second = sink.wait(2, "/crm")
    check("the body", first.body == b'{"id": "evt_1", "topic": "order.paid"}',
          first.body)
    want = {"content-type": "application/json", "webhook-id": "evt_1",
            "eyelet-attempt": "1", "eyelet-endpoint": "shop"}
    for name, value in want.items():
        check(name, first.headers.get(name) == value, first.headers)
    check("user-agent", first.headers["user-agent"].startswith("eyelet/"))
    check("seq", int(second.headers["eyelet-seq"])
          > int(first.headers["eyelet-seq"]) > 0)
    check("signed", signatures(added["value"], first) == 1)
    check("a kept connection", first.connection == second.connection)


def statuses_decide(st, sink, ca):
    """2xx is delivered; all else is dead where no retry is planned."""
    table = {200: "delivered", 204: "delivered", 299: "delivered",
             301: "dead", 308: "dead", 400: "dead", 404: "dead",
             429: "dead", 500: "dead", 503: "dead"}
    for status in table:
        st.destination(f"s{status}", sink.url(f"/status/{status}"),
                       ca=ca.file, retry="none")
    st.accept("evt_status")
    for status, word in table.items():
        st.wait_words(f"delivery={word} destination=s{status} .*"
                      f"status={status} ")
        dead = st.show(f"s{status}")["counts"]["dead"]
        check(f"{status} dead", dead == (1 if word == "dead" else 0), dead)
    # A redirect leads nowhere.
    check("followed", len(sink.requests("/status/301")) == 1)
    for status in table:
        st.op("destination.remove", destination=f"s{status}")


def failures_are_tried_again(st, sink, ca):
    """By plan, each attempt signed anew under the same id; then dead."""
    added = st.destination("retry", sink.url("/retry"), ca=ca.file)
    sink.answers("/retry", 500, 503, 204)
    st.accept("evt_retry")
    got = sink.wait(3, "/retry")
    check("ids", ids(got) == ["evt_retry"] * 3, ids(got))
    numbers = [r.headers["eyelet-attempt"] for r in got]
    check("numbers", numbers == ["1", "2", "3"], numbers)
    check("signed", all(signatures(added["value"], r) == 1 for r in got))
    stamps = {r.headers["webhook-timestamp"] for r in got}
    check("fresh stamps", len(stamps) > 1, stamps)
    gaps = [b.at - a.at for a, b in zip(got, got[1:])]
    check("not before their time", min(gaps) > 0.85, gaps)
    st.wait_words("delivery=delivered destination=retry .*attempt=3")
    sink.answers("/retry", 500)
    st.accept("evt_dead")
    st.wait_words("delivery=dead destination=retry .*attempt=3 status=500")
    st.wait_counts("retry", dead=1, retrying=0, pending=0)
    failure = st.show("retry")["last_failure"]
    check("the last failure", failure["status"] == 500, failure)
    st.op("destination.remove", destination="retry")


def a_busy_receiver_is_waited_for(st, sink, ca):
    """Retry-After is longer than the plan."""
    st.destination("busy", sink.url("/busy"), ca=ca.file)
    sink.answers("/busy", Answer(503, {"Retry-After": "4"}), 200)
    st.accept("evt_busy")
    first, second = sink.wait(2, "/busy")
    check("waited", second.at - first.at > 3.4, second.at - first.at)
    st.op("destination.remove", destination="busy")


def a_receiver_that_is_gone_is_left_alone(st, sink, ca):
    """410 disables; the event waits until an operator resumes it."""
    st.destination("gone", sink.url("/gone"), ca=ca.file)
    sink.answers("/gone", 410, 200)
    st.accept("evt_gone")
    st.wait_words("delivery=disabled destination=gone")
    wait_for("it is disabled", 60,
             lambda: st.show("gone")["state"] == "disabled", 0.05)
    st.accept("evt_later")
    st.op("destination.resume", destination="gone")
    got = ids(sink.wait(3, "/gone"))
    check("both came", sorted(got) == ["evt_gone", "evt_gone", "evt_later"],
          got)
    st.op("destination.remove", destination="gone")


def what_is_asked_for_goes_along(st, sink, ca):
    """Headers of the operator's, a login, and headers of the event; of these
    only what a destination asked for is kept, and from then on."""
    st.post_with("evt_before", {"X-Region": "eu", "X-Other": "1"})
    st.destination("more", sink.url("/more"), ca=ca.file,
                   headers={"X-Tenant": "7"}, auth="Bearer token-of-ours",
                   forward=["X-Region"])
    st.post_with("evt_more", {"X-Region": "eu", "X-Other": "1",
                              "X-Nomos-Extra": "2"})
    got = sink.wait(1, "/more")[0].headers
    want = {"x-tenant": "7", "authorization": "Bearer token-of-ours",
            "x-region": "eu"}
    for name, value in want.items():
        check(name, got.get(name) == value, got)
    check("others", "x-other" not in got and "x-nomos-extra" not in got, got)
    st.op("destination.remove", destination="more")


def a_packed_body_stays_packed(st, sink, ca):
    """Byte for byte, and its Content-Encoding with it."""
    added = st.destination("packed", sink.url("/packed"), ca=ca.file)
    packed = gzip.compress(b'{"id":"evt_packed","topic":"order.paid"}')
    st.post_with("evt_packed", {"Content-Encoding": "gzip"}, packed)
    got = sink.wait(1, "/packed")[0]
    check("the bytes", got.body == packed, got.body)
    check("how they are packed",
          got.headers.get("content-encoding") == "gzip", got.headers)
    check("signed", signatures(added["value"], got) == 1)
    st.op("destination.remove", destination="packed")


def a_client_shows_its_certificate(st, sink, ca):
    """mTLS, and a receiver whose authority is not the one that is trusted."""
    cert, key = ca.issue()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*ca.issue())
    context.load_verify_locations(ca.file)
    context.verify_mode = ssl.CERT_REQUIRED
    with Sink(context=context) as strict:
        st.destination("mutual", strict.url("/m"), ca=ca.file,
                       client_cert=cert, client_key=key)
        st.destination("nobody", strict.url("/n"), ca=ca.file, retry="none")
        st.destination("stranger", strict.url("/o"), retry="none")
        st.accept("evt_mutual")
        strict.wait(1, "/m")
        st.wait_words("delivery=delivered destination=mutual")
        for name in ("nobody", "stranger"):
            st.wait_words(f"delivery=dead destination={name} ")
        check("only one came", len(strict.requests()) == 1)
    for name in ("mutual", "nobody", "stranger"):
        st.op("destination.remove", destination=name)


if __name__ == "__main__":
    sys.exit(run_parts([
        is_sent_as_it_came, statuses_decide, failures_are_tried_again,
        a_busy_receiver_is_waited_for,
        a_receiver_that_is_gone_is_left_alone,
        what_is_asked_for_goes_along, a_packed_body_stays_packed,
        a_client_shows_its_certificate]))
