-- Ends the aggregate for exponential smoothing; values that were computed with it stay.

drop aggregate smoothed(double precision, integer, double precision);
drop function smoothing_result(double precision[]);
drop function smoothing_step(double precision[], double precision, integer, double precision);
