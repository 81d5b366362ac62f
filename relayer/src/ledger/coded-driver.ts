// SPDX-License-Identifier: GPL-3.0-or-later

import type {
  CompiledQuery,
  DatabaseConnection,
  Dialect,
  Driver,
  QueryResult,
  TransactionSettings,
} from "kysely";
import { databaseFault } from "./faults.ts";

/** The same dialect, whose every query and transaction fails with the coded errors of `faults.ts`. */
export function codedDialect(dialect: Dialect, where: string): Dialect {
  return {
    createAdapter: () => dialect.createAdapter(),
    createDriver: () => new CodedDriver(dialect.createDriver(), where),
    createIntrospector: (db) => dialect.createIntrospector(db),
    createQueryCompiler: () => dialect.createQueryCompiler(),
  };
}

class CodedDriver implements Driver {
  readonly #driver: Driver;
  readonly #where: string;

  constructor(driver: Driver, where: string) {
    this.#driver = driver;
    this.#where = where;
  }

  init(): Promise<void> {
    return this.#driver.init();
  }

  async acquireConnection(): Promise<CodedConnection> {
    try {
      return new CodedConnection(await this.#driver.acquireConnection(), this.#where);
    } catch (error) {
      throw databaseFault(error, this.#where);
    }
  }

  beginTransaction({ inner, coded }: CodedConnection, settings: TransactionSettings): Promise<void> {
    return coded(() => this.#driver.beginTransaction(inner, settings));
  }

  commitTransaction({ inner, coded }: CodedConnection): Promise<void> {
    return coded(() => this.#driver.commitTransaction(inner));
  }

  rollbackTransaction({ inner, coded }: CodedConnection): Promise<void> {
    return coded(() => this.#driver.rollbackTransaction(inner));
  }

  releaseConnection({ inner }: CodedConnection): Promise<void> {
    return this.#driver.releaseConnection(inner);
  }

  destroy(): Promise<void> {
    return this.#driver.destroy();
  }
}

class CodedConnection implements DatabaseConnection {
  readonly inner: DatabaseConnection;
  readonly #where: string;

  constructor(inner: DatabaseConnection, where: string) {
    this.inner = inner;
    this.#where = where;
  }

  readonly coded = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    try {
      return await work();
    } catch (error) {
      throw databaseFault(error, this.#where);
    }
  };

  executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    return this.coded(() => this.inner.executeQuery<Row>(query));
  }

  async *streamQuery<Row>(query: CompiledQuery, chunkSize: number): AsyncIterableIterator<QueryResult<Row>> {
    try {
      yield* this.inner.streamQuery<Row>(query, chunkSize);
    } catch (error) {
      throw databaseFault(error, this.#where);
    }
  }
}
