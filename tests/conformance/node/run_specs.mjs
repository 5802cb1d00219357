// Runs the bundled specs, or those whose name fits the pattern; prints what became of each, a JSON line each.
import Jasmine from "jasmine";

const jasmine = new Jasmine();
jasmine.clearReporters();
jasmine.addReporter({
  specDone: ({ fullName, status, failedExpectations }) => {
    const why = failedExpectations.map(({ message }) => message);
    process.stdout.write(JSON.stringify({ name: fullName, status, why }) + "\n");
  },
});
jasmine.randomizeTests(false);
await jasmine.execute(["specs.cjs"], process.argv[2]);
