// NestJS: the shutdown listens to the signals, not Nest. What is called in the middle are decorators in TypeScript.
import { Bulkhead, GracefulShutdown, isRefusal, ResilienceError } from "@kstlib/resilience";
import { rateLimit, resilientFetch, shedLoad } from "@kstlib/resilience/http";
import { BadGatewayException, Catch, Controller, Get, Inject, Module, Param } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";

const timeout = Number(process.env.TIMEOUT ?? 5); // seconds, for each attempt
const prices = resilientFetch({ totalTimeout: 2 * timeout, retry: true, circuitBreaker: true, timeout });
class Prices {
  async latest(pair) {
    const answer = await this.fetch(`${process.env.PRICES_URL}/${encodeURIComponent(pair)}`);
    if (!answer.ok) throw new BadGatewayException(await answer.text());
    return answer.text();
  }
}
const { prototype } = Prices;
Controller("prices")(Prices);
Inject("prices")(prototype, "fetch");
Get(":pair")(prototype, "latest", Object.getOwnPropertyDescriptor(prototype, "latest"));
Param("pair")(prototype, "latest", 0);
class Refused {
  catch(error, host) {
    const seconds = isRefusal(error) ? Math.ceil(Math.min(error.retryAfter ?? 1, 60)) : 1;
    const response = host.switchToHttp().getResponse().status(503);
    response.set("Retry-After", String(seconds)).send("try again later");
  }
}
Catch(ResilienceError)(Refused);
class App {
  onModuleDestroy = () => console.log("onModuleDestroy"); // once the answers are out
}
Module({ controllers: [Prices], providers: [{ provide: "prices", useValue: prices }] })(App);
const app = await NestFactory.create(App);
app.use(rateLimit({ limits: [{ name: "client", rate: 60, per: "1m", burst: 20 }] }));
app.use(shedLoad({ bulkhead: new Bulkhead({ maxConcurrent: 10, maxQueue: 5 }) }));
app.useGlobalFilters(new Refused());
const shutdown = new GracefulShutdown({ timeout: "25s" });
shutdown.registerServer("nest", app); // and no app.enableShutdownHooks()
await app.listen(process.env.PORT, () => console.log(`listening on ${app.getHttpServer().address().port}`));
shutdown.install();
