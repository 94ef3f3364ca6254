import type { FastifyInstance } from "@kelvin/http-service";
import { reportPath, reportWaitMsMax } from "../model/report.ts";
import type { ReportBook } from "./report-book.ts";

/** Answers what this replica serves: at once to who does not know the latest, else when there is news or in a while. */
export function addReportRoutes(app: FastifyInstance, book: ReportBook): void {
  // Asked all the time by design; a line each would drown the rest.
  app.get<{ Querystring: { after?: string } }>(reportPath, { logLevel: "warn" }, async (request) => {
    await book.changed(request.query.after ?? "", reportWaitMsMax);
    return book.report();
  });
}
