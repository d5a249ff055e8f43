/**
 * Commands through the agent's ports.
 */
import { randomBytes, randomInt } from "node:crypto";
import { deferred, type Deferred } from "../machine/deferred.ts";
import type { MachineFailure } from "../machine/failure.ts";
import { quoteWord } from "../machine/posix-quote.ts";
import type { ExecEnd, ExecRequest, OwnedSession } from "../machine/session.ts";
import { settledWithin } from "../machine/settled-within.ts";
import { startTimer } from "../machine/timer.ts";
import { failed, ok, type Result } from "../result.ts";
import type { AgentPorts } from "./agent-ports.ts";
import { octal } from "./agent-script.ts";
import { markScanner } from "./end-mark.ts";
import { sendInput } from "./port-input.ts";
import { PortReader } from "./port-reader.ts";

export interface PortSessionOptions {
  /** Settles when the agent has let go of its ports: it was killed, or its machine is gone. */
  readonly agentGone: Promise<unknown>;
  /** Finds out why the agent was lost. Never rejects. */
  readonly explainLoss: (message: string) => Promise<MachineFailure>;
}

/** An agent that has not ended a command by then, or answered an order, does not live any more. */
const answerMs = 60_000;

/** One order that the agent has been given. */
interface Order {
  readonly exited: Deferred<number>;
  readonly fed: Deferred<void>;
  /** The agent has taken a chunk of standard input. */
  more: () => void;
}

/** How an order came out besides its own end. */
type Outcome = ExecEnd | { readonly kind: "cancelled" } | { readonly kind: "lost" };

/** A session over the agent's ports. Runs one command at a time; others wait for their turn. */
export class PortSession implements OwnedSession {
  // The agent reads an order byte by byte, which for long ones takes longer than the processes it spares.
  readonly longestCommand = 4096;
  readonly #ports: AgentPorts;
  readonly #options: PortSessionOptions;
  readonly #orders = new Map<string, Order>();
  readonly #data: PortReader;
  readonly #errors: PortReader;
  readonly #lost = deferred<"lost">();
  // An earlier session of the same machine may have left groups of its own numbers.
  #serial = randomInt(2 ** 31);
  #last: Promise<unknown> = Promise.resolve();

  constructor(ports: AgentPorts, options: PortSessionOptions) {
    this.#ports = ports;
    this.#options = options;
    this.#data = new PortReader(ports.data);
    this.#errors = new PortReader(ports.errors);
    let line = "";
    ports.control.on("data", (chunk: Buffer) => {
      const lines = (line + chunk.toString("latin1")).split("\n");
      // The agent's answers are short; whatever is not one cannot make this grow.
      line = (lines.pop() ?? "").slice(-200);
      for (const answer of lines) this.#answer(answer);
    });
    for (const port of Object.values(ports)) {
      port.on("error", () => {});
      if (port.closed) this.#lost.settle("lost");
      else port.once("close", () => this.#lost.settle("lost"));
    }
    void options.agentGone.then(() => this.#lost.settle("lost"));
  }

  async exec(request: ExecRequest): Promise<Result<ExecEnd, MachineFailure>> {
    const turn = this.#last.then(() => this.#run(request));
    this.#last = turn.catch(() => {});
    const outcome = await turn;
    if (outcome.kind === "cancelled") return failed({ reason: "cancelled" });
    if (outcome.kind !== "lost") return ok(outcome);
    return failed(await this.#options.explainLoss("the agent in the guest is gone"));
  }

  /**
   * Gives the guest fresh random bytes and the time; false when it could not take them. To be called
   * before anything else after a resume.
   */
  async wake(input: Uint8Array): Promise<boolean> {
    return (await this.#order((id) => `wake ${id} '${octal(input)}'`)) === 0;
  }

  /** Ends every process that commands have left, however it hid; false when the agent is gone. */
  async sweep(): Promise<boolean> {
    return (await this.#order((id) => `sweep ${id}`)) === 0;
  }

  close(): void {
    for (const port of Object.values(this.#ports)) port.destroy();
  }

  async #run(request: ExecRequest): Promise<Outcome> {
    const { signal } = request;
    if (signal.aborted) return { kind: "cancelled" };
    const { id, order } = this.#newOrder();
    const mark = Buffer.from(`vmbuild-end-${randomBytes(16).toString("hex")}`);
    const fault = deferred<{ readonly error: unknown }>();
    const outputs = [
      this.#collect(this.#data, request.onStdout, mark, fault),
      this.#collect(this.#errors, request.onStderr, mark, fault),
    ];
    const verb = request.stdin === undefined ? "unfed" : "fed";
    this.#tell(`${verb} ${id} ${mark.toString()} ${quoteLine(request.command)} &`);
    const stop = deferred<"cancelled" | "timed-out">(signal, () => "cancelled");
    const timer =
      request.timeoutMs === undefined
        ? undefined
        : startTimer(() => stop.settle("timed-out"), request.timeoutMs);
    try {
      const input = this.#feed(request, order, () => stop.settle("cancelled"));
      const done = Promise.all([order.exited.promise, input, ...outputs.map(({ end }) => end)]);
      const first = await Promise.race([
        done.then(([code]) => ({ code })),
        stop.promise,
        this.#lost.promise,
        fault.promise,
      ]);
      if (first === "lost") return { kind: "lost" };
      if (first === "cancelled" || first === "timed-out") {
        this.#tell(`stop ${id}`);
        if (first === "cancelled") return { kind: "cancelled" };
        const ended = await settledWithin(Promise.race([done, this.#lost.promise]), answerMs);
        return ended === undefined || ended === "lost" ? { kind: "lost" } : { kind: "timed-out" };
      }
      if ("error" in first) {
        this.#tell(`stop ${id}`);
        throw first.error;
      }
      return { kind: "exited", code: first.code };
    } finally {
      stop.settle("cancelled");
      clearTimeout(timer);
      for (const output of outputs) output.detach();
      this.#orders.delete(id);
    }
  }

  /** Passes an output on until its end mark has come and the last piece is taken. */
  #collect(
    reader: PortReader,
    sink: ExecRequest["onStdout"],
    mark: Buffer,
    fault: Deferred<{ readonly error: unknown }>,
  ): { readonly end: Promise<void>; readonly detach: () => void } {
    const scanner = markScanner(mark);
    const end = deferred<void>();
    const detach = reader.attach(
      (chunk) => {
        const piece = scanner.push(chunk);
        const busy = piece.length === 0 ? undefined : sink?.(piece);
        if (!scanner.ended) return busy;
        if (busy === undefined) return end.settle();
        return busy.then(() => end.settle());
      },
      (error) => fault.settle({ error }),
    );
    return { end: end.promise, detach };
  }

  async #feed({ stdin }: ExecRequest, order: Order, onBroken: () => void): Promise<void> {
    if (stdin === undefined) return;
    let isOver = false;
    let taken = deferred<void>();
    const ended = Promise.race([order.exited.promise, order.fed.promise, this.#lost.promise]);
    const over = (async () => {
      await ended;
      isOver = true;
    })();
    order.more = () => taken.settle();
    const end = await sendInput(stdin, {
      data: this.#ports.data,
      async taken() {
        await Promise.race([taken.promise, over]);
        taken = deferred<void>();
      },
      isOver: () => isOver,
    });
    if (end === "broken") onBroken();
    if (typeof stdin === "object" && "destroy" in stdin) stdin.destroy();
    await order.fed.promise;
  }

  /** An order without input or output; gives its exit code. */
  async #order(line: (id: string) => string): Promise<number | "lost"> {
    const { id, order } = this.#newOrder();
    this.#tell(line(id));
    const code = await settledWithin(
      Promise.race([order.exited.promise, this.#lost.promise]),
      answerMs,
    );
    this.#orders.delete(id);
    return code ?? "lost";
  }

  #newOrder(): { readonly id: string; readonly order: Order } {
    const id = String(++this.#serial);
    const order: Order = { exited: deferred<number>(), fed: deferred<void>(), more() {} };
    this.#orders.set(id, order);
    return { id, order };
  }

  #answer(line: string): void {
    const [, id, what, code] = /^(\d+) (more|fed|exit) ?(\d*)$/.exec(line.trimEnd()) ?? [];
    const order = id === undefined ? undefined : this.#orders.get(id);
    if (order === undefined) return;
    if (what === "more") order.more();
    else if (what === "fed") order.fed.settle();
    else order.exited.settle(Number(code));
  }

  #tell(line: string): void {
    if (!this.#ports.control.destroyed) this.#ports.control.write(`${line}\n`);
  }
}

/** A command as one word on one line, as the agent's `eval` takes it; a newline becomes `$nl`. */
function quoteLine(command: string): string {
  return command.split("\n").map(quoteWord).join('"$nl"');
}
