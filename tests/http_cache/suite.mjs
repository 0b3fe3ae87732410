// Run the public suite against a cache: node suite.mjs BASE [TEST], and print for each test its name, its kind and its result, as JSON.
// With TEST the suite also prints what that one sends and gets, before the JSON.
import { runTests } from 'http-cache-tests/client/runner.mjs'
import { makeCacheTest, testResults } from 'http-cache-tests/client/test.mjs'
import suites from 'http-cache-tests/tests/index.mjs'
import fetch from 'node-fetch'

const [base, only] = process.argv.slice(2)
const tests = suites.flatMap(suite => suite.tests).filter(test => !only || test.id === only)
if (only) tests.forEach(test => { test.dump = true })
await runTests([{ tests }], fetch, false, base)

// The suite runs a hundred tests at a time. On a busy machine an answer is over before a test comes to ask for it again, which the suite
// tells as a failure of the preparation; such a test gets another try, alone.
for (const test of tests.filter(test => testResults[test.id]?.[0] === 'Setup')) {
  delete testResults[test.id]
  await makeCacheTest(test)
}

const ran = tests.filter(test => test.id in testResults)
console.log(JSON.stringify(Object.fromEntries(ran.map(test => [
  test.id,
  // True, or the kind of the error and its message.
  { name: test.name, kind: test.kind ?? 'required', result: testResults[test.id] }
])), null, 1))
