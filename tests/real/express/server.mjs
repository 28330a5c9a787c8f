// A small copy of the server that started this project: an Express mock that thinks it has answered.
// FIXED=1 puts the cured handler in its place; LUMEAI_TEST_KEY=... asks for that bearer key; PORT=0 takes a free port.
import express from "express";

const ANSWER = "Привет! Я - LumeAI. Чем могу помочь?";
const MODEL = "lumeai";
const fixed = process.env.FIXED === "1";
const key = process.env.LUMEAI_TEST_KEY;

/** The bug: `stream` is never looked at, so a client that waits for events gets one JSON body. */
function mock(req, res) {
  res.json({ choices: [{ message: { content: ANSWER } }] });
  console.log("✅ Mock-ответ отправлен");
}

/** The cure: events for a client that asked for them, one complete JSON body for the others. */
function cured(req, res) {
  const { model = MODEL, stream = false, stream_options: options } = req.body ?? {};
  const id = `chatcmpl-${Date.now()}`;
  const created = Math.floor(Date.now() / 1000);
  const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };

  if (!stream) {
    const message = { role: "assistant", content: ANSWER };
    const choices = [{ index: 0, message, finish_reason: "stop" }];
    return res.json({ id, object: "chat.completion", created, model, choices, usage });
  }

  const head = { id, object: "chat.completion.chunk", created, model };
  const send = (body) => res.write(`data: ${JSON.stringify({ ...head, ...body })}\n\n`);
  res.set({ "Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-cache" });
  send({ choices: [{ index: 0, delta: { role: "assistant", content: "" }, finish_reason: null }] });
  // A mock has no use for the tools it is offered: it still says its sentence, and says it in the right form.
  for (const word of ANSWER.split(/(?<= )/)) {
    send({ choices: [{ index: 0, delta: { content: word }, finish_reason: null }] });
  }
  send({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] });
  if (options?.include_usage) send({ choices: [], usage });
  res.end("data: [DONE]\n\n");
}

/** Refuses in the form of OpenAI, in the language of the user's server. */
function authorize(req, res, next) {
  const sent = req.get("authorization") ?? "";
  if (!key || sent === `Bearer ${key}`) return next();
  const [message, code] = sent
    ? ["Неверный API-ключ.", "invalid_api_key"]
    : ["API-ключ не указан: нужен заголовок Authorization: Bearer <ключ>.", "missing_api_key"];
  res.status(401).json({ error: { message, type: "invalid_request_error", param: null, code } });
}

const app = express();
app.use("/v1", authorize);
app.use(fixed ? express.json({ limit: "50mb" }) : express.json());
app.get("/v1/models", (req, res) => {
  res.json({ object: "list", data: [{ id: MODEL, object: "model", created: 1760000000, owned_by: "lumeai" }] });
});
app.post("/v1/chat/completions", fixed ? cured : mock);

const server = app.listen(Number(process.env.PORT ?? 0), "127.0.0.1", () => {
  console.log(`listening on ${server.address().port}`);
});
process.on("SIGTERM", () => process.exit(0));
