-- A trade is a fill of its order: of the same user, symbol and side, and all fills together are no more than was ordered.

-- The order's row is written, and with the value it has: that makes two transactions that fill one order take turns, and one that sees
-- the database as it was earlier (repeatable read) fail with a serialization error, where a mere lock would let it count too few fills.
-- Who records a fill need not be allowed to change orders, so it is done for them.
create function keep_fills_within_orders() returns trigger
language plpgsql
security definer
set search_path = pg_catalog
as $$
declare
    bad record;
begin
    -- In the order of their numbers, so that two statements that fill the same orders don't wait for each other.
    update public.orders as o set quantity = o.quantity
    from (
        select locked.id from public.orders as locked
        where locked.id in (select changed.order_id from changed)
        order by locked.id
        for no key update
    ) as mine
    where o.id = mine.id;
    select t.id, t.order_id into bad
    from changed as t
    join public.orders as o on o.id = t.order_id
    where (t.user_id, t.symbol, t.side) is distinct from (o.user_id, o.symbol, o.side)
    limit 1;
    if found then
        raise exception 'trade % is not of the user, symbol and side of order %', bad.id, bad.order_id
        using errcode = 'check_violation', schema = 'public', table = 'trades', constraint = 'ck_trades_of_their_order';
    end if;
    select o.id, o.quantity, sum(t.quantity) as filled into bad
    from public.orders as o
    join public.trades as t on t.order_id = o.id
    where o.id in (select changed.order_id from changed)
    group by o.id
    having sum(t.quantity) > o.quantity
    limit 1;
    if found then
        raise exception 'the trades of order % come to %, and it is for %', bad.id, bad.filled, bad.quantity
        using errcode = 'check_violation', schema = 'public', table = 'trades', constraint = 'ck_trades_within_order';
    end if;
    return null;
end
$$;

comment on function keep_fills_within_orders() is 'Refuses trades of another user, symbol or side than their order, or of more';

revoke all on function keep_fills_within_orders() from public;

create trigger trades_inserted
after insert on trades
referencing new table as changed
for each statement execute function keep_fills_within_orders();

create trigger trades_updated
after update on trades
referencing new table as changed
for each statement execute function keep_fills_within_orders();

-- The other way round: an order that has fills can't become another one, or smaller than they are.
create function keep_orders_of_their_fills() returns trigger
language plpgsql
security definer
set search_path = pg_catalog
as $$
declare
    filled numeric;
begin
    if (new.quantity, new.user_id, new.symbol, new.side) is not distinct from (old.quantity, old.user_id, old.symbol, old.side) then
        return null;
    end if;
    if (new.user_id, new.symbol, new.side) is distinct from (old.user_id, old.symbol, old.side)
        and exists (select from public.trades as t where t.order_id = new.id) then
        raise exception 'order % has trades: its user, symbol and side stay', new.id
        using errcode = 'check_violation', schema = 'public', table = 'orders', constraint = 'ck_orders_of_their_trades';
    end if;
    select sum(t.quantity) into filled from public.trades as t where t.order_id = new.id;
    if filled > new.quantity then
        raise exception 'the trades of order % come to %, and it would be for %', new.id, filled, new.quantity
        using errcode = 'check_violation', schema = 'public', table = 'orders', constraint = 'ck_orders_above_trades';
    end if;
    return null;
end
$$;

comment on function keep_orders_of_their_fills() is 'Refuses to make an order another, or smaller, than its trades are of';

revoke all on function keep_orders_of_their_fills() from public;

-- Of the whole row, as a trigger that names columns would stand in the way of changing their types.
create trigger orders_changed
after update on orders
for each row when (old.* is distinct from new.*)
execute function keep_orders_of_their_fills();
